import type { Commands } from '../commands/commands.ts'
import type { DeviceEvent, DeviceRecord, TypeRecord } from '../devices/port.ts'
import type { Shadows } from '../shadow/shadows.ts'
import type { Directory } from './directory.ts'
import type { LiveSession } from './live-session.ts'
import type { SessionContext } from './session-context.ts'

/** Brings sessions, rights and caches in line with what happens to devices. */
export interface EventFollower {
  hear(event: DeviceEvent): Promise<void>
}

export interface EventFollowerOptions {
  context: SessionContext
  directory: Directory
  /** Told of every end of a device or credential. */
  endings: { ended(): void }
  commands: Pick<Commands, 'forget'>
  shadows: Pick<Shadows, 'forget'>
  nextEpoch: () => void
}

/** Sessions whose subscriptions are checked again in one turn of the loop. */
const recheckedPerTurn = 500

export function createEventFollower(options: EventFollowerOptions): EventFollower {
  const { context, directory, endings, commands, shadows, nextEpoch } = options
  const { live, pool, relays } = context

  const sessionsOf = (device: string): LiveSession[] => live.withRequestsOf({ kind: 'device', id: device })

  async function changed(device: DeviceRecord): Promise<void> {
    const { id, type: typeId, tags } = device
    const sessions = sessionsOf(id)
    for (const session of sessions) {
      const { subject } = session
      const grants = subject.kind === 'device' ? subject.grants : undefined
      session.subject = { kind: 'device', id, type: typeId, tags, ...(grants ? { grants } : {}) }
    }
    nextEpoch()
    for (const session of sessions) session.recheck()
    if (sessions.length === 0 && !pool.peek(id)) return
    const type = await directory.type(typeId)
    for (const session of sessions) session.type = type
    pool.retype(id, type)
  }

  function typeChanged(type: TypeRecord): void {
    for (const session of live.all()) if (session.type?.id === type.id) session.type = type
    pool.typeChanged(type)
  }

  async function deleted(device: string): Promise<void> {
    endings.ended()
    pool.drop(device)
    nextEpoch()
    for (const session of sessionsOf(device)) session.end('revoked')
    // What is kept goes too, so that a device made later under this id does not inherit it.
    await Promise.all([relays.forget(device), commands.forget(device), shadows.forget(device)])
  }

  async function recheckAll(): Promise<void> {
    const sessions = live.all()
    for (let i = 0; i < sessions.length; i++) {
      if (i > 0 && i % recheckedPerTurn === 0) await new Promise((resolve) => setImmediate(resolve))
      sessions[i]?.recheck()
    }
  }

  return {
    async hear(event) {
      switch (event.kind) {
        case 'created':
          nextEpoch()
          break
        case 'changed':
          await changed(event.device)
          break
        case 'deleted':
          await deleted(event.device.id)
          break
        case 'type-changed':
          typeChanged(event.type)
          break
        case 'credential-ended':
          endings.ended()
          for (const session of sessionsOf(event.device)) {
            if (session.credential === event.credential) session.end('revoked')
          }
          break
        case 'access-changed':
          nextEpoch()
          await recheckAll()
          break
        case 'credentials-changed':
        case 'status':
          break
      }
    },
  }
}
