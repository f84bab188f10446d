import type { WriteStream } from 'node:tty'

export interface Progress {
  update(done: number, note: string): void
  end(): void
}

const barWidth = 30
const ttyEveryMs = 100
const plainEveryMs = 5000

/** `done` from 0 to 1 as a bar. */
export function toBar(done: number): string {
  const full = Math.round(Math.min(1, Math.max(0, done)) * barWidth)
  return `[${'█'.repeat(full)}${'░'.repeat(barWidth - full)}] ${String(Math.round((full / barWidth) * 100)).padStart(3)} %`
}

/** One line that renews itself on a terminal; a plain line every few seconds anywhere else. */
export function createProgress(
  out: Pick<WriteStream, 'write'> & { isTTY?: boolean; columns?: number },
  now: () => number,
): Progress {
  const tty = out.isTTY === true
  let last = -Infinity
  return {
    update(done, note) {
      const at = now()
      if (at - last < (tty ? ttyEveryMs : plainEveryMs)) return
      last = at
      const line = `${toBar(done)}  ${note}`
      out.write(tty ? `\r${line.slice(0, (out.columns ?? 80) - 1)}\u001B[K` : `${line}\n`)
    },
    end() {
      if (tty) out.write('\r\u001B[K')
    },
  }
}
