import type { PointJson } from '../telemetry/port.ts'
import { ruleLimits } from './limits.ts'

/** A value as expressions take it: JSON objects are Maps, so that no name in them means anything to JavaScript. */
export type Input = number | boolean | string | null | Input[] | Map<string, Input>

/** The time of a value whose own lies ahead of the clock: order is then that of the log. */
export const noTime = 0

/** Texts up to here count as scalars. */
const smallChars = 16

interface Held {
  at: number
  size: number
}

/** The latest value of every key of one device, as rules see them, and its shadow. */
export class DeviceValues {
  /** What expressions look names up in: the keys, and over them `v` and `shadow`. */
  readonly bindings: Record<string, Input>
  readonly #values: Record<string, Input>
  readonly #held = new Map<string, Held>()
  #largeSize = 0

  constructor() {
    // No prototype: a key called "constructor" is a key and nothing else.
    this.#values = Object.create(null)
    this.bindings = Object.create(this.#values)
  }

  get(key: string): Input | undefined {
    return this.#values[key]
  }

  at(key: string): number {
    return this.#held.get(key)?.at ?? Number.NEGATIVE_INFINITY
  }

  keys(): IterableIterator<string> {
    return this.#held.keys()
  }

  /** Takes a value over, unless a later one is there. `noTime`: it is later than all before, and earlier than all to come. */
  set(key: string, at: number, value: PointJson): boolean {
    const held = this.#held.get(key)
    if (held && at < held.at && at !== noTime) return false
    const size = sizeOf(value)
    if (held) {
      this.#largeSize += size - held.size
      held.at = at
      held.size = size
    } else {
      this.#held.set(key, { at, size })
      this.#largeSize += size
    }
    if (typeof value === 'number' || size <= ruleLimits.valueChars) this.#values[key] = toInput(value)
    else delete this.#values[key]
    return true
  }

  /** The clock was set back: what lies ahead says nothing of what comes next. */
  notAfter(now: number): void {
    for (const held of this.#held.values()) if (held.at > now) held.at = noTime
  }

  setShadow(shadow: { desired: unknown; reported: unknown }): void {
    this.bindings['shadow'] = toInput(shadow)
  }

  /** For expressions that look at `v` as a whole. */
  bindAll(): void {
    this.bindings['v'] = new Map(Object.entries(this.#values))
  }

  /** Characters of texts and JSON that an expression might look at, over the scalars; whole, or of some keys. */
  largeSize(keys: ReadonlySet<string> | undefined): number {
    if (this.#largeSize === 0 || keys === undefined) return this.#largeSize
    let sum = 0
    for (const key of keys) sum += this.#held.get(key)?.size ?? 0
    return sum
  }

  get count(): number {
    return this.#held.size
  }
}

function sizeOf(value: PointJson): number {
  if (typeof value === 'string') return value.length > smallChars ? value.length : 0
  return typeof value === 'object' ? JSON.stringify(value).length : 0
}

export function toInput(value: unknown): Input {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' || value === null)
    return value
  if (Array.isArray(value)) return value.map(toInput)
  if (typeof value !== 'object') return null
  return new Map(Object.entries(value).map(([name, each]) => [name, toInput(each)]))
}

/** As JSON again; `__proto__` stays a name. */
export function toJson(value: Input): unknown {
  if (Array.isArray(value)) return value.map(toJson)
  if (!(value instanceof Map)) return value
  return Object.fromEntries([...value].map(([name, each]) => [name, toJson(each)]))
}
