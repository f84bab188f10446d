import type { Command } from '@patchbay/contracts/command'
import type { EndReason, Session } from '@patchbay/contracts/session'

/** What the console's live view follows beside the values, which `hub.watch` tells for the devices that somebody looks at. */
export type HubEvent =
  | { kind: 'shadow'; device: string }
  | { kind: 'command'; command: Command }
  | {
      kind: 'sessions'
      principal: Session['principal']
      what: 'opened' | 'ended'
      /** Whose session: only to be read, and not to be kept. */
      session: { readonly protocol: string; readonly address: string; readonly clientId: string | undefined }
      why?: EndReason
    }
