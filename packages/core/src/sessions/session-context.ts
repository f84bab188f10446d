import type { RefusalRecorder } from '../access/port.ts'
import type { Commands } from '../commands/commands.ts'
import type { Provision } from '../provisioning/port.ts'
import type { PresenceListener } from '../devices/port.ts'
import type { DeviceIngest, DeviceIngestPool } from '../ingest/device-ingest.ts'
import type { Shadows } from '../shadow/shadows.ts'
import type { LiveSession } from './live-session.ts'
import type { LiveSessions } from './live-sessions.ts'
import type { Relays } from './relays.ts'
import type { TopicContext } from './topic-handle.ts'

/** What every session stands on. */
export interface SessionContext extends TopicContext {
  live: LiveSessions
  pool: DeviceIngestPool
  relays: Relays
  commands: Pick<Commands, 'take' | 'deliverOpen'>
  shadows: Pick<Shadows, 'desired'>
  provision: Provision
  presence: PresenceListener
  refusals: RefusalRecorder
  /** The ingest record of a device that the publisher is not; rejects with DEVICE_UNKNOWN when it is not registered. */
  acquireFor(device: string): Promise<DeviceIngest>
  closed(session: LiveSession): void
  onFault(error: unknown): void
}
