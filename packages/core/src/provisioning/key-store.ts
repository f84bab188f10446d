import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { DomainError, refuse } from '../errors.ts'
import { createKeyedTurns } from '../keyed-turns.ts'
import type { RegistryStore, Stored } from '../registry/port.ts'
import { type KeyBody, type Reservation, endOfKey } from './key-record.ts'
import { provisioningLimits } from './limits.ts'

/**
 * The keys, and how many devices each has let in. The store writes one document at a time, so a device is counted before it is made,
 * under its id: after a crash in between, whether it was made says whether it counts.
 */
export interface KeyStore {
  read(id: string): Promise<Stored<KeyBody> | undefined>
  /** Changes a key whatever its version; `to` may throw. Undefined = the key is gone. */
  change(id: string, to: (body: KeyBody) => KeyBody, expected?: number): Promise<Stored<KeyBody> | undefined>
  /** Counts a device that is about to be made. Rejects with Refused when the key ended or its quota is used up. */
  reserve(id: string, device: string): Promise<Reservation>
  /** The device was made, or it is to be looked up whether it was: the count is set right with the next write. */
  finish(id: string, reservation: Reservation, isMade: boolean): void
  /** The key let somebody in again, who is counted already. */
  touch(id: string): Promise<void>
  /** Sets right what a crash has left. */
  settleAll(): Promise<void>
  /** Resolves when nothing is being written. */
  drain(): Promise<void>
}

export interface KeyStoreOptions {
  registry: RegistryStore
  clock: Clock
  /** Whether the key has let this device in. */
  wasMade: (key: string, device: string) => Promise<boolean>
  failed: (error: unknown) => void
}

interface Waiting {
  reservation: Reservation
  resolve(reservation: Reservation): void
  reject(why: unknown): void
}

const pageSize = 200

export function createKeyStore({ registry, clock, wasMade, failed }: KeyStoreOptions): KeyStore {
  const full = () => refuse('INGEST_FULL', 'Too many devices are asking with this provisioning key. Ask again.')
  const turns = createKeyedTurns({
    maxWaiting: provisioningLimits.underWay,
    full,
  })
  /** Reservations of requests that are still at work here. */
  const underWay = new Set<string>()
  /** Devices that are known to be made, whatever becomes of them later. */
  const made = new Set<string>()
  /** Who is to be counted with the next write of a key. */
  const waiting = new Map<string, Waiting[]>()
  const tidying = new Map<string, Promise<void>>()
  const now = () => new Date(clock.nowMicros() / 1000).toISOString()
  const read = (id: string) => registry.get<KeyBody>('provisioning_keys', id)

  /** Without a turn: only inside of one. */
  async function write(
    id: string,
    to: (body: KeyBody) => KeyBody | Promise<KeyBody>,
    expected?: number,
  ): Promise<Stored<KeyBody> | undefined> {
    for (let tries = 0; tries < provisioningLimits.changeTries; tries++) {
      const stored = await read(id)
      if (!stored) return undefined
      if (expected !== undefined && expected !== stored.version) {
        throw new DomainError('VERSION_CONFLICT', `The provisioning key is at version ${stored.version} now.`)
      }
      const body = await to(stored.body)
      if (body === stored.body) return stored
      const put = await registry.put('provisioning_keys', id, body, stored.version)
      if (!put.ok) continue
      const left = new Set(body.pending.map(({ token }) => token))
      for (const { token } of stored.body.pending) if (!left.has(token)) made.delete(token)
      return { id, version: put.version, body }
    }
    throw new DomainError('VERSION_CONFLICT', 'The provisioning key keeps changing. Try again.')
  }

  /** Takes out what is not under way any more; a device that was not made is not counted. */
  async function settled(id: string, body: KeyBody): Promise<KeyBody> {
    const over = body.pending.filter(({ token }) => !underWay.has(token))
    if (over.length === 0) return body
    const counts = await Promise.all(over.map(async ({ token, device }) => made.has(token) || wasMade(id, device)))
    // Two places of one device: one request failed on its way, the next one made it.
    const devices = new Set(over.filter((_, at) => counts[at]).map(({ device }) => device))
    return {
      ...body,
      pending: body.pending.filter((each) => !over.includes(each)),
      used: body.used - (over.length - devices.size),
    }
  }

  const takeWaiting = (id: string): Waiting[] => {
    const taken = waiting.get(id) ?? []
    waiting.delete(id)
    return taken
  }

  /** Counts all that wait with one write: a key is one document, and its writes are one after the other. */
  async function count(id: string): Promise<void> {
    const asked = takeWaiting(id)
    let counted: Waiting[] = []
    try {
      const stored = await write(id, async (before) => {
        const ended = endOfKey(before, clock.nowMicros())
        if (ended !== undefined) throw refuse('CREDENTIALS_ENDED', ended)
        const body = await settled(id, before)
        const places = Math.min((body.quota ?? Infinity) - body.used, provisioningLimits.underWay - body.pending.length)
        counted = asked.slice(0, Math.max(0, places))
        if (counted.length === 0) return body
        for (const { reservation } of counted) underWay.add(reservation.token)
        const pending = [...body.pending, ...counted.map(({ reservation }) => reservation)]
        return { ...body, used: body.used + counted.length, pending, lastUsedAt: now() }
      })
      if (!stored) throw refuse('CREDENTIALS_ENDED', 'This provisioning key was deleted.')
      const { quota, used } = stored.body
      for (const each of asked) {
        if (counted.includes(each)) {
          each.resolve(each.reservation)
          continue
        }
        underWay.delete(each.reservation.token)
        each.reject(quota !== undefined && used >= quota ? refuse('PROVISION_QUOTA') : full())
      }
    } catch (error) {
      for (const { reservation, reject } of asked) {
        underWay.delete(reservation.token)
        reject(error)
      }
    }
  }

  function tidy(id: string): void {
    if (tidying.has(id)) return
    const work = turns(id, () => {
      tidying.delete(id)
      return write(id, (body) => settled(id, body))
    })
    tidying.set(
      id,
      work.then(
        () => undefined,
        (error: unknown) => {
          // What is not taken out now is with the next write, or at the next start.
          tidying.delete(id)
          failed(error)
        },
      ),
    )
  }

  return {
    read,
    change: (id, to, expected) => turns(id, () => write(id, to, expected)),
    reserve: (id, device) =>
      new Promise((resolve, reject) => {
        const reservation = { token: randomUUID(), device }
        const line = waiting.get(id)
        if (line) {
          if (line.length >= provisioningLimits.underWay) reject(full())
          else line.push({ reservation, resolve, reject })
          return
        }
        waiting.set(id, [{ reservation, resolve, reject }])
        void turns(id, () => count(id)).catch((error: unknown) => {
          for (const each of takeWaiting(id)) each.reject(error)
        })
      }),
    finish(id, { token }, isMade) {
      if (isMade) made.add(token)
      underWay.delete(token)
      tidy(id)
    },
    async touch(id) {
      const due = (body: KeyBody) =>
        body.lastUsedAt === undefined ||
        clock.nowMicros() / 1000 - Date.parse(body.lastUsedAt) >= provisioningLimits.touchEveryMs
      await turns(id, () => write(id, (body) => (due(body) ? { ...body, lastUsedAt: now() } : body)))
    },
    async settleAll() {
      let cursor: string | undefined
      do {
        const page = await registry.list<KeyBody>('provisioning_keys', {
          limit: pageSize,
          ...(cursor === undefined ? {} : { cursor }),
        })
        for (const { id, body } of page.items) {
          if (body.pending.length > 0) await turns(id, () => write(id, (found) => settled(id, found)))
        }
        cursor = page.nextCursor
      } while (cursor !== undefined)
    },
    async drain() {
      while (tidying.size > 0) await Promise.all(tidying.values())
    },
  }
}
