const lookMs = 1_000
/** A node that was not heard for so long, while this one could hear, is no more. */
const silentMs = 10_000

export interface Lives {
  /** True: it is new. */
  heard(life: string): boolean
  /** It left by itself. */
  forget(life: string): void
  /** This node could not hear: silence does not count. */
  pause(): void
  onDead(take: (life: string) => void): void
  start(): void
  close(): void
}

/** The other nodes, by what is heard of them; durations are this node's own time. */
export function createLives(tell: (life: string) => void, nowMs: () => number = () => performance.now()): Lives {
  const heardMs = new Map<string, number>()
  const takers: ((life: string) => void)[] = []
  let timer: NodeJS.Timeout | undefined

  function end(life: string): void {
    if (!heardMs.delete(life)) return
    for (const take of takers) take(life)
  }

  return {
    heard(life) {
      const isNew = !heardMs.has(life)
      heardMs.set(life, nowMs())
      return isNew
    },
    forget: end,
    pause() {
      for (const life of heardMs.keys()) heardMs.set(life, nowMs())
    },
    onDead: (take) => void takers.push(take),
    start() {
      let lastMs = nowMs()
      timer = setInterval(() => {
        const now = nowMs()
        const stood = now - lastMs > lookMs * 3
        lastMs = now
        // this process stood still itself: what the others said is still to be read
        if (stood) this.pause()
        for (const [life, at] of heardMs) {
          if (now - at < silentMs) continue
          tell(life)
          end(life)
        }
      }, lookMs).unref()
    },
    close: () => clearInterval(timer),
  }
}
