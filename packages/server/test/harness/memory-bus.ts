import type { HearNode, NodeBus } from '@patchbay/core/nodes/port'

/** Nodes of one test, which hear each other at once. */
export function createMemoryBuses(count: number): NodeBus[] {
  const takers: Map<string, HearNode[]>[] = []
  return Array.from({ length: count }, (_, at) => {
    const own = new Map<string, HearNode[]>()
    takers.push(own)
    const tell = (kind: string, body: unknown): void => {
      const text = JSON.stringify(body)
      for (const [other, hearers] of takers.entries()) {
        if (other === at) continue
        for (const hear of hearers.get(kind) ?? []) hear(JSON.parse(text), `node-${at}`)
      }
    }
    return {
      tell,
      show: tell,
      send: async (kind, body) => tell(kind, body),
      hear: (kind, take) => void own.set(kind, [...(own.get(kind) ?? []), take]),
      onJoin: () => undefined,
      onDead: () => undefined,
    }
  })
}
