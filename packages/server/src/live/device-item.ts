import type { Device } from '@patchbay/contracts/device'
import type { WatchedPoint } from '@patchbay/core/ingest/watches'
import { toIso } from '../rest/time.ts'
import { type Item, toMember } from './item.ts'
import { liveLimits } from './limits.ts'

/** How a value is told: as it is, as JSON text that is spliced in, or by its length. */
type Form = 'plain' | 'json' | 'size'
interface Held {
  at: number
  value: number | boolean | string
  form: Form
  turn: number
}

export type TouchedPart = 'shadow' | 'commands' | 'sessions'

/** The newest of one device: its record, the value of the greatest time of each key, and when what lies beside last changed. */
export class DeviceItem implements Item {
  readonly kind = 'devices'
  readonly id: string
  readonly since: number
  changed = 0
  /** Null: there is no such device; undefined: not read yet. */
  device: Device | null | undefined
  private deviceTurn = 0
  /** What was told before this turn holds no more. */
  private replacedTurn = 0
  private values = new Map<string, Held>()
  private readonly touched = new Map<TouchedPart, { at: number; turn: number }>()
  private last: { from: number; to: number; text: string } | undefined

  constructor(id: string, since: number) {
    this.id = id
    this.since = since
  }

  setDevice(device: Device | null, turn: number): void {
    if (device === null || this.device === null) {
      this.replacedTurn = turn
      if (device === null) this.forgetValues()
    }
    this.device = device
    this.deviceTurn = turn
    this.mark(turn)
  }

  /** What is left of an earlier device of this id is not the new one's. */
  forgetValues(): void {
    this.values = new Map()
  }

  /** Values that were made durable now, in that order: the same time again is newer. */
  add(points: readonly WatchedPoint[], turn: number): void {
    for (const { key, at, value, json } of points) {
      const held = this.values.get(key)
      if (!held || at >= held.at) this.set(key, at, value, json, turn)
    }
    this.mark(turn)
  }

  /** What the store knew; anything heard since is as new at least. */
  seed(latest: Record<string, { at: number; value: unknown }>, turn: number): void {
    for (const [key, { at, value }] of Object.entries(latest)) {
      const held = this.values.get(key)
      if (held && held.at >= at) continue
      const plain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string'
      this.set(key, at, plain ? value : JSON.stringify(value), !plain, turn)
    }
    this.mark(turn)
  }

  touch(part: TouchedPart, at: number, turn: number): void {
    this.touched.set(part, { at, turn })
    this.mark(turn)
  }

  whole(): string {
    return toMember(this.id, this.device ? this.body(-1, Infinity, false) : 'null')
  }

  after(from: number, to: number): string {
    if (this.changed <= from) return ''
    const { last } = this
    // Most viewers have been told the same: the text is made once for all of them.
    if (last && last.from === from && last.to === to) return last.text
    const text = this.make(from, to)
    this.last = { from, to, text }
    return text
  }

  private set(key: string, at: number, value: number | boolean | string, json: boolean, turn: number): void {
    const long = typeof value === 'string' && value.length > liveLimits.valueLength
    const form = long ? 'size' : json ? 'json' : 'plain'
    const told = long ? value.length : value
    const held = this.values.get(key)
    if (held) Object.assign(held, { at, value: told, form, turn })
    else this.values.set(key, { at, value: told, form, turn })
  }

  private make(from: number, to: number): string {
    if (!this.device) return this.deviceTurn > from ? toMember(this.id, 'null') : ''
    const replaced = this.replacedTurn > from
    return toMember(this.id, this.body(replaced ? -1 : from, to, replaced))
  }

  private body(from: number, to: number, replaced: boolean): string {
    const parts: string[] = replaced ? ['"replace":true'] : []
    const isDue = (turn: number): boolean => turn > from && turn <= to
    if (isDue(this.deviceTurn)) parts.push(`"device":${JSON.stringify(this.device)}`)
    let values = ''
    for (const [key, held] of this.values) {
      if (isDue(held.turn)) values += `${values === '' ? '' : ','}${toMember(key, toJson(held))}`
    }
    if (values !== '') parts.push(`"values":{${values}}`)
    let touched = ''
    for (const [part, { at, turn }] of this.touched) {
      if (isDue(turn)) touched += `${touched === '' ? '' : ','}"${part}":"${toIso(at)}"`
    }
    if (touched !== '') parts.push(`"touched":{${touched}}`)
    return `{${parts.join(',')}}`
  }

  private mark(turn: number): void {
    this.changed = turn
    this.last = undefined
  }
}

function toJson({ at, value, form }: Held): string {
  const time = toIso(at)
  if (form === 'size') return `{"at":"${time}","size":${value}}`
  return `{"at":"${time}","value":${form === 'json' ? value : JSON.stringify(value)}}`
}
