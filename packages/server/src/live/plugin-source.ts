import { PluginId } from '@patchbay/contracts/plugin'
import type { Clock } from '@patchbay/core/clock'
import type { PluginHost } from '@patchbay/plugin-host/host'
import { Value } from 'typebox/value'
import { LiveError } from './errors.ts'
import { type Item, type Source, toMember } from './item.ts'
import { liveLimits } from './limits.ts'
import type { Pulse } from './pulse.ts'
import { createShelf, type ShelfBudget } from './shelf.ts'

export const allPlugins = '*'

export interface PluginSourceOptions {
  plugins: () => Pick<PluginHost, 'plugins' | 'instances'>
  clock: Clock
  pulse: Pulse
  budget: ShelfBudget
  failed: (error: unknown) => void
}

/** What is known of each plugin; looked at once a second while somebody follows one. */
type Board = Map<string, { text: string; turn: number }>

class PluginItem implements Item {
  readonly kind = 'plugins'
  readonly id: string
  readonly since: number
  private readonly board: Board

  constructor(id: string, since: number, board: Board) {
    this.id = id
    this.since = since
    this.board = board
  }

  get changed(): number {
    let newest = 0
    for (const { turn } of this.entries()) if (turn > newest) newest = turn
    return newest
  }

  whole(): string {
    const members = [...this.entries()].filter(({ text }) => this.id !== allPlugins || text !== 'null')
    if (members.length === 0 && this.id !== allPlugins) return toMember(this.id, 'null')
    return members.map(({ id, text }) => toMember(id, text)).join(',')
  }

  after(from: number, to: number): string {
    const due = [...this.entries()].filter(({ turn }) => turn > from && turn <= to)
    return due.map(({ id, text }) => toMember(id, text)).join(',')
  }

  private *entries(): Generator<{ id: string; text: string; turn: number }> {
    if (this.id === allPlugins) for (const [id, entry] of this.board) yield { id, ...entry }
    else {
      const entry = this.board.get(this.id)
      if (entry) yield { id: this.id, ...entry }
    }
  }
}

export function createPluginSource({ plugins, clock, pulse, budget, failed }: PluginSourceOptions): Source {
  const board: Board = new Map()
  let cancel: (() => void) | undefined
  let boardSince = 0
  const shelf = createShelf<PluginItem>({
    clock,
    budget,
    make: (id) => new PluginItem(id, boardSince, board),
    drop() {},
  })

  function look(turnOf: () => number): void {
    const put = (id: string, text: string): void => {
      if (board.get(id)?.text !== text) board.set(id, { text, turn: turnOf() })
    }
    const host = plugins()
    const seen = new Set<string>()
    for (const { id, version, problem } of host.plugins()) {
      seen.add(id)
      const instances = host
        .instances(id)
        .map(({ name, enabled, status }) => toMember(name, JSON.stringify({ enabled, status })))
      const trouble = problem ? `,"problem":${JSON.stringify(problem)}` : ''
      put(id, `{"version":${JSON.stringify(version)}${trouble},"instances":{${instances.join(',')}}}`)
    }
    for (const id of board.keys()) if (!seen.has(id)) put(id, 'null')
  }

  function lookAgain(): void {
    cancel = undefined
    if (shelf.size === 0) return
    try {
      look(() => pulse.touch())
    } catch (error) {
      failed(error)
    }
    cancel = clock.after(liveLimits.pluginsEveryMs, lookAgain)
  }

  return {
    async acquire(asked) {
      const ids = asked.includes(allPlugins) ? [allPlugins] : asked
      const wrong = ids.find((id) => id !== allPlugins && !Value.Check(PluginId, id))
      if (wrong !== undefined) throw new LiveError('LIVE_IDS_INVALID', `${JSON.stringify(wrong)} is no plugin's id.`)
      if (!cancel) {
        // Nobody looked for a while: what was told before cannot be compared with now.
        board.clear()
        boardSince = pulse.advance()
        // The first look is told by snapshots.
        look(() => pulse.turn)
        cancel = clock.after(liveLimits.pluginsEveryMs, lookAgain)
      }
      return shelf.take(ids)
    },
    release(items) {
      for (const { id } of items) shelf.put(id)
    },
    close() {
      cancel?.()
      shelf.close()
    },
  }
}
