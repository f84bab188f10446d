import type { AlertSignal } from '../alerts/port.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { DeviceValues } from './device-values.ts'
import type { Pair } from './evaluate.ts'
import { carryOver, createState, type RuleState } from './rule-state.ts'
import type { ScopedDevice } from './scope-index.ts'

/** A pair in the engine; `visit` is the number of the record that met it last. */
export interface LivePair extends Pair {
  visit: number
}

/** What is held of one device that rules apply to. */
export class DeviceRules {
  device: ScopedDevice
  readonly values = new DeviceValues()
  readonly pairs = new Map<string, LivePair>()
  /** The last point of this node's committed log that was taken in, and those of the logs of others. */
  seq = 0
  others: Map<string, number> | undefined
  /** All keys are in `values`, not only those that rules looked at when it was stored. */
  complete = false
  /** Signals that are not known to be the alerts' yet; they are stored with the state, oldest first. */
  readonly pending: AlertSignal[] = []
  /** The earliest due time of its pairs, and the one that the heap of timers holds. */
  due = Number.POSITIVE_INFINITY
  scheduled = Number.POSITIVE_INFINITY
  #byKey = new Map<string, LivePair[]>()
  #always: LivePair[] = []

  constructor(device: ScopedDevice) {
    this.device = device
  }

  /** The pairs that a reading of the key may change; those of `always` come on top. */
  pairsOf(key: string): readonly LivePair[] | undefined {
    return this.#byKey.get(key)
  }

  /** Pairs that every reading may change. */
  get always(): readonly LivePair[] {
    return this.#always
  }

  /** Lets a rule apply, or apply as it is now. `told` is where the numbers of a new state begin. */
  put(rule: CompiledRule, told: number, stored?: RuleState): LivePair {
    const before = this.pairs.get(rule.id)?.state ?? stored
    const count = rule.levels.length
    const state =
      before === undefined
        ? createState(rule.version, count, told)
        : before.version === rule.version && before.since.length === count
          ? before
          : carryOver(before, rule.version, count)
    const pair: LivePair = {
      rule,
      device: this.device.id,
      values: this.values,
      state,
      due: Number.POSITIVE_INFINITY,
      visit: 0,
    }
    this.pairs.set(rule.id, pair)
    this.#arrange()
    return pair
  }

  drop(rule: string): LivePair | undefined {
    const pair = this.pairs.get(rule)
    if (pair && this.pairs.delete(rule)) this.#arrange()
    return pair
  }

  /** After the due times of pairs changed. */
  findDue(): void {
    let due = Number.POSITIVE_INFINITY
    for (const pair of this.pairs.values()) if (pair.due < due) ({ due } = pair)
    this.due = due
  }

  #arrange(): void {
    this.#byKey = new Map()
    this.#always = []
    for (const pair of this.pairs.values()) {
      const { rule } = pair
      if (rule.anyKey || (rule.noData && rule.keys.size === 0)) this.#always.push(pair)
      else {
        for (const key of rule.keys) {
          const list = this.#byKey.get(key)
          if (list) list.push(pair)
          else this.#byKey.set(key, [pair])
        }
      }
    }
  }
}
