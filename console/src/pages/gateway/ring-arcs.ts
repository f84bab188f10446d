/** A stretch of the ring that goes to one node: slices from (included) to (excluded). */
export interface Arc {
  owner: number
  from: number
  to: number
}

/** Slices beside each other that go to the same node, as one. */
export const toArcs = (slices: readonly number[]): Arc[] => {
  const arcs: Arc[] = []
  for (const [n, owner] of slices.entries()) {
    const last = arcs.at(-1)
    if (last?.owner === owner) last.to = n + 1
    else arcs.push({ owner, from: n, to: n + 1 })
  }
  return arcs
}

const point = (radius: number, slice: number, count: number): string => {
  const angle = (slice / count) * 2 * Math.PI - Math.PI / 2
  return `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`
}

/** All arcs of a node as one path of SVG, between two radii around 0, from the top clockwise. */
export const toPath = (arcs: readonly Arc[], count: number, inner: number, outer: number): string =>
  arcs
    .map(({ from, to }) => {
      // A whole circle begins where it ends, which SVG draws as nothing: it is made of two halves.
      if (to - from === count)
        return toPath(
          [
            { owner: 0, from: 0, to: count / 2 },
            { owner: 0, from: count / 2, to: count },
          ],
          count,
          inner,
          outer,
        )
      const large = (to - from) / count > 0.5 ? 1 : 0
      return `M${point(outer, from, count)}A${outer} ${outer} 0 ${large} 1 ${point(outer, to, count)}L${point(inner, to, count)}A${inner} ${inner} 0 ${large} 0 ${point(inner, from, count)}Z`
    })
    .join('')
