import type { Clock } from '@patchbay/core/clock'
import { inOrder, toState } from './frame.ts'
import type { Item } from './item.ts'
import { liveLimits } from './limits.ts'
import { createPulse, type Pulse } from './pulse.ts'

/** Where a viewer's frames go. */
export interface Outlet {
  /** Bytes that the network has not taken yet. */
  readonly waitingBytes: number
  send(frame: Buffer): void
  /** He would have to be told more at once than is held for anybody. */
  tooSlow(): void
}

export interface Follower {
  readonly outlet: Outlet
  /** He has been told everything up to this turn. */
  told: number
}

export interface DeliveryStats {
  frames: number
  bytes: number
  encoded: number
  skipped: number
}

/** Tells each viewer what changed, in one frame a turn, made once for all who follow the same. */
export interface Delivery {
  readonly pulse: Pulse
  /** From now on the follower is told of these items, instead of those before; an empty list ends it. */
  follow(follower: Follower, items: Iterable<Item>): void
  cursorOf(turn: number): string
  /** The turn of a cursor of this start; undefined for any other text. */
  turnOf(cursor: string): number | undefined
  stats(): DeliveryStats
  close(): void
}

/** Followers of exactly the same items. */
interface Group {
  key: string
  items: readonly Item[]
  followers: Set<Follower>
}

export function createDelivery({ clock, epoch }: { clock: Clock; epoch: string }): Delivery {
  const groups = new Map<string, Group>()
  const groupOf = new Map<Follower, Group>()
  const numbers = new WeakMap<Item, number>()
  let items = 0
  const counts: DeliveryStats = { frames: 0, bytes: 0, encoded: 0, skipped: 0 }
  const pulse = createPulse(clock, tell)

  const numberOf = (item: Item): number => {
    let number = numbers.get(item)
    if (number === undefined) numbers.set(item, (number = ++items))
    return number
  }

  function tellGroup(group: Group, turn: number): boolean {
    /** Nearly always one: everybody was told the last turn. Undefined = nothing changed for them. */
    const frames = new Map<number, Buffer | undefined>()
    let behind = false
    for (const follower of group.followers) {
      if (follower.told === turn) continue
      const { outlet } = follower
      if (outlet.waitingBytes > 0) {
        // He still has the last frame to read; the next one will hold what is newest then.
        counts.skipped++
        behind = true
        continue
      }
      if (!frames.has(follower.told)) frames.set(follower.told, encode(group, follower.told, turn))
      const frame = frames.get(follower.told)
      follower.told = turn
      if (!frame) continue
      if (frame.length > liveLimits.frameOutBytes) {
        outlet.tooSlow()
        continue
      }
      counts.frames++
      counts.bytes += frame.length
      outlet.send(frame)
    }
    return behind
  }

  function encode(group: Group, from: number, turn: number): Buffer | undefined {
    const state = toState(group.items, (item) => (item.changed > from ? item.after(from, turn) : ''))
    if (state === '') return undefined
    counts.encoded++
    return Buffer.from(`{"change":{${state}},"cursor":"${cursorOf(turn)}"}`)
  }

  function tell(turn: number): void {
    let behind = false
    for (const group of groups.values()) if (tellGroup(group, turn)) behind = true
    if (behind) pulse.again()
  }

  const cursorOf = (turn: number): string => `${epoch}.${turn}`

  function leave(follower: Follower): boolean {
    const group = groupOf.get(follower)
    if (!group) return false
    groupOf.delete(follower)
    group.followers.delete(follower)
    if (group.followers.size === 0) groups.delete(group.key)
    return true
  }

  return {
    pulse,
    follow(follower, wanted) {
      if (!leave(follower)) follower.told = pulse.turn
      const ordered = inOrder(wanted)
      if (ordered.length === 0) return
      const key = ordered.map(numberOf).join(',')
      let group = groups.get(key)
      if (!group) groups.set(key, (group = { key, items: ordered, followers: new Set() }))
      group.followers.add(follower)
      groupOf.set(follower, group)
      if (follower.told < pulse.turn) pulse.again()
    },
    cursorOf,
    turnOf(cursor) {
      const dot = cursor.lastIndexOf('.')
      const digits = cursor.slice(dot + 1)
      if (cursor.slice(0, dot) !== epoch || !/^\d{1,15}$/.test(digits)) return undefined
      const turn = Number(digits)
      return turn <= pulse.turn ? turn : undefined
    },
    stats: () => ({ ...counts }),
    close: () => pulse.close(),
  }
}
