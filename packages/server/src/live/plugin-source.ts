import { PluginId } from '@patchbay/contracts/plugin'
import type { Clock } from '@patchbay/core/clock'
import type { PluginHost } from '@patchbay/plugin-host/host'
import { Value } from 'typebox/value'
import { type Board, BoardItem, everything } from './board-item.ts'
import { LiveError } from './errors.ts'
import { type Source, toMember } from './item.ts'
import { liveLimits } from './limits.ts'
import type { Pulse } from './pulse.ts'
import { createShelf, type ShelfBudget } from './shelf.ts'

export interface PluginSourceOptions {
  plugins: () => Pick<PluginHost, 'plugins' | 'instances'>
  clock: Clock
  pulse: Pulse
  budget: ShelfBudget
  failed: (error: unknown) => void
}

export function createPluginSource({ plugins, clock, pulse, budget, failed }: PluginSourceOptions): Source {
  const board: Board = new Map()
  let cancel: (() => void) | undefined
  let boardSince = 0
  const shelf = createShelf<BoardItem>({
    clock,
    budget,
    make: (id) => new BoardItem('plugins', id, boardSince, board),
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
      const ids = asked.includes(everything) ? [everything] : asked
      const wrong = ids.find((id) => id !== everything && !Value.Check(PluginId, id))
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
