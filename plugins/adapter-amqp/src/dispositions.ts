import type { WireSide } from './wire-side.ts'
import { codes } from './wire/performative.ts'
import { boolean, composite, uint } from './wire/writer.ts'

/** Tells a client how its messages ended: those of one turn of the loop together, runs of the same outcome in one frame. [AMQP 2.7.6] */
export function createDispositions(channel: number, wire: WireSide) {
  let pending: { id: number; outcome: Buffer }[] = []
  let closed = false

  function flush(): void {
    const batch = pending
    pending = []
    if (closed) return
    batch.sort((a, b) => a.id - b.id)
    for (let i = 0; i < batch.length;) {
      const first = batch[i]
      if (!first) return
      let last = first.id
      for (i++; batch[i]?.id === last + 1 && batch[i]?.outcome === first.outcome; i++) last++
      const fields = [boolean(true), uint(first.id), uint(last), boolean(true), first.outcome]
      wire.write(channel, [composite(codes.disposition, fields)])
    }
  }

  return {
    add(id: number, outcome: Buffer): void {
      if (pending.push({ id, outcome }) === 1) setImmediate(flush)
    },
    flush,
    close(): void {
      closed = true
    },
  }
}
