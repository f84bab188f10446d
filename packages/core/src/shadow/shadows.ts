import type { Shadow } from '@patchbay/contracts/shadow'
import { DomainError, refuse } from '../errors.ts'
import type { RegistryStore } from '../registry/port.ts'
import { deltaOf, equal, isDocument, merge, patchFault, type Document } from '../merge.ts'
import { shadowLimits } from './limits.ts'

/** What a device is told: the delta, and the version of desired that it belongs to. */
export interface DesiredDelta {
  delta: Document
  version: number
}

export interface Shadows {
  get(device: string): Promise<Shadow>
  /** Merges into desired. With `version`, SHADOW_CONFLICT unless it is the current one. Tells the device when something changed. */
  patchDesired(device: string, patch: unknown, version?: number): Promise<Shadow>
  /** Merges into reported; rejects with `Refused`. */
  report(device: string, patch: unknown): Promise<void>
  desired(device: string): Promise<DesiredDelta>
  /** The device is gone and its shadow with it. */
  forget(device: string): Promise<void>
}

export interface ShadowsOptions {
  registry: RegistryStore
  /** Sends the delta to the device's live subscriptions. */
  publish: (device: string, desired: DesiredDelta) => void
  onChange?: ((device: string) => void) | undefined
}

type State = { desired: Document; reported: Document; version: number }
type Change = (state: State) => State

export function createShadows({ registry, publish, onChange }: ShadowsOptions): Shadows {
  // Changes of one device follow each other here, so that versions are told in order; other nodes are met by the store's versions.
  const queues = new Map<string, { last: Promise<unknown>; length: number }>()

  async function read(device: string): Promise<{ state: State; stored: number }> {
    const found = await registry.get('shadows', device)
    const { desired, reported, version } = found?.body ?? {}
    const state = {
      desired: isDocument(desired) ? desired : {},
      reported: isDocument(reported) ? reported : {},
      version: typeof version === 'number' ? version : 0,
    }
    return { state, stored: found?.version ?? 0 }
  }

  async function change(device: string, make: Change): Promise<{ state: State; changed: boolean }> {
    for (let attempt = 0; attempt < shadowLimits.tries; attempt++) {
      const { state, stored } = await read(device)
      const next = make(state)
      if (next === state) return { state, changed: false }
      const put = await registry.put('shadows', device, { ...next }, stored === 0 ? 'new' : stored)
      if (put.ok) return { state: next, changed: true }
    }
    throw new DomainError('SHADOW_CONFLICT', 'The shadow is being changed by others all the time. Try again.')
  }

  function inTurn<T>(device: string, work: () => Promise<T>): Promise<T> {
    const queue = queues.get(device) ?? { last: Promise.resolve(), length: 0 }
    if (queue.length >= shadowLimits.waitingPerDevice) return Promise.reject(refuse('INGEST_FULL'))
    queue.length++
    const run = queue.last.then(work).finally(() => {
      if (--queue.length === 0) queues.delete(device)
    })
    // The next in line runs whatever becomes of this one; its own caller hears of the failure.
    queue.last = run.catch(() => undefined)
    queues.set(device, queue)
    return run
  }

  return {
    async get(device) {
      const { state } = await read(device)
      return toShadow(state)
    },
    async patchDesired(device, patch, version) {
      const fault = isDocument(patch) ? patchFault(patch, shadowLimits.depth) : 'It must be an object.'
      if (fault || !isDocument(patch)) throw fieldInvalid(fault ?? '')
      return inTurn(device, async () => {
        const { state, changed } = await change(device, (before) => {
          if (version !== undefined && version !== before.version) {
            throw new DomainError('SHADOW_CONFLICT', `The shadow is at version ${before.version}, not ${version}.`)
          }
          const desired = merge(before.desired, patch)
          if (equal(desired, before.desired)) return before
          if (tooLarge(desired)) throw fieldInvalid(tooLargeText)
          return { ...before, desired, version: before.version + 1 }
        })
        if (changed) {
          publish(device, { delta: deltaOf(state.desired, state.reported), version: state.version })
          onChange?.(device)
        }
        return toShadow(state)
      })
    },
    async report(device, patch) {
      const fault = isDocument(patch) ? patchFault(patch, shadowLimits.depth) : 'A reported shadow must be an object.'
      if (fault || !isDocument(patch)) throw refuse('PAYLOAD_INVALID', fault)
      const { changed } = await inTurn(device, () =>
        change(device, (before) => {
          const reported = merge(before.reported, patch)
          if (equal(reported, before.reported)) return before
          if (tooLarge(reported)) throw refuse('PAYLOAD_INVALID', tooLargeText)
          return { ...before, reported }
        }),
      )
      if (changed) onChange?.(device)
    },
    async desired(device) {
      const { state } = await read(device)
      return { delta: deltaOf(state.desired, state.reported), version: state.version }
    },
    async forget(device) {
      await registry.delete('shadows', device)
    },
  }
}

const toShadow = ({ desired, reported, version }: State): Shadow => ({
  desired,
  reported,
  delta: deltaOf(desired, reported),
  version,
})

const tooLargeText = `The shadow would be larger than ${shadowLimits.documentBytes} bytes.`
const tooLarge = (document: Document): boolean =>
  Buffer.byteLength(JSON.stringify(document)) > shadowLimits.documentBytes

const fieldInvalid = (message: string): DomainError =>
  new DomainError('FIELD_INVALID', message, { fields: [{ path: '/desired', code: 'invalid', message }] })
