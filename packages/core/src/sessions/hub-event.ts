import type { Command } from '@patchbay/contracts/command'
import type { Session } from '@patchbay/contracts/session'

/** What the console's live view follows beside the values, which `hub.watch` tells for the devices that somebody looks at. */
export type HubEvent =
  | { kind: 'shadow'; device: string }
  | { kind: 'command'; command: Command }
  | { kind: 'sessions'; principal: Session['principal'] }
