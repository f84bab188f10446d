/** How often a node says that it is there, and looks at the others. */
export const beatMs = 1_000
/** Whoever watched a beat stand still for so long buries its node. It is the watcher's own time, counted only while its looks succeed. */
export const stillMs = 8_000
/** Looks further apart than this do not add up to a watch. */
const gapMs = 3_000

interface Watched {
  beat: string
  stillMs: number
}

/** Says whose beat stood still for long enough, by looks that followed each other closely. */
export class LifeWatch {
  readonly #watched = new Map<string, Watched>()
  readonly #nowMs: () => number
  #lastMs: number | undefined

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  /** Beats by life; the answer: those that are to be buried, with the beat that they stopped at. */
  look(beats: ReadonlyMap<string, string>, self: string): { life: string; beat: string }[] {
    const nowMs = this.#nowMs()
    const passedMs = this.#lastMs === undefined ? Number.POSITIVE_INFINITY : nowMs - this.#lastMs
    this.#lastMs = nowMs
    for (const life of this.#watched.keys()) if (!beats.has(life)) this.#watched.delete(life)
    const still: { life: string; beat: string }[] = []
    for (const [life, beat] of beats) {
      if (life === self) continue
      const before = this.#watched.get(life)
      const same = passedMs <= gapMs && before?.beat === beat
      const stoodMs = same ? before.stillMs + passedMs : 0
      this.#watched.set(life, { beat, stillMs: stoodMs })
      if (stoodMs >= stillMs) still.push({ life, beat })
    }
    return still
  }
}
