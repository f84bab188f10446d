import { readFileSync } from 'node:fs'

/** The parts of V8's .cpuprofile that are used here. */
export interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string }; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
  startTime: number
}

export interface Frame {
  name: string
  url: string
}

export const readProfile = (path: string): Profile => JSON.parse(readFileSync(path, 'utf8'))

/** Calls `each` with every sample of the window: its stack from the leaf on, and its µs. Times are the machine's monotonic clock. */
export function walkSamples(
  { nodes, samples, timeDeltas, startTime }: Profile,
  window: { fromMicros: number; toMicros: number },
  each: (stack: readonly Frame[], micros: number) => void,
): void {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  const stacks = new Map<number, Frame[]>()
  const stackOf = (leaf: number): Frame[] => {
    let stack = stacks.get(leaf)
    if (stack) return stack
    stack = []
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
      const frame = byId.get(id)?.callFrame
      if (frame) stack.push({ name: frame.functionName, url: frame.url })
    }
    stacks.set(leaf, stack)
    return stack
  }
  let at = startTime
  for (const [i, leaf] of samples.entries()) {
    at += timeDeltas[i] ?? 0
    if (at >= window.fromMicros && at < window.toMicros) each(stackOf(leaf), timeDeltas[i + 1] ?? 0)
  }
}
