import type { Command } from '@patchbay/contracts/command'
import type { Session } from '@patchbay/contracts/session'

/** What the console's live view follows. It says what changed, not the values: viewers read those when they draw. */
export type HubEvent =
  | { kind: 'telemetry'; devices: ReadonlySet<string> }
  | { kind: 'shadow'; device: string }
  | { kind: 'command'; command: Command }
  | { kind: 'sessions'; principal: Session['principal'] }
