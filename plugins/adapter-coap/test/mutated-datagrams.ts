import { generate } from 'coap-packet'

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export const createRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Datagrams that a client might send, and then damaged: what comes out is the generator's, for a seed always the same. */
export function createMutator(random: () => number, as: { id: string; secret: string }) {
  const below = (most: number): number => Math.floor(random() * most)
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => below(256)))
  const texts = (name: string, ...values: string[]) => values.map((value) => ({ name, value: Buffer.from(value) }))
  const block = (name: string) => ({
    name,
    value: pick([bytes(below(4)), Buffer.from([8 + below(8)]), Buffer.from([0xff, 0xff, 0xf8])]),
  })
  const credentials = () =>
    pick([texts('Uri-Query', `user=${as.id}`, `pass=${as.secret}`), texts('Uri-Query', 'user=x', 'pass=y'), []])
  const path = () =>
    pick([
      texts('Uri-Path', 'devices', as.id, 'telemetry'),
      texts('Uri-Path', 'devices', as.id, 'commands'),
      texts('Uri-Path', 'devices', as.id, 'shadow', 'desired'),
      texts('Uri-Path', '.well-known', 'core'),
      [{ name: 'Uri-Path', value: bytes(below(40)) }],
    ])
  const extra = () => {
    const options = [
      block('Block1'),
      block('Block2'),
      { name: 'Observe', value: bytes(below(4)) },
      { name: 'Size1', value: bytes(below(5)) },
      { name: 'Content-Format', value: bytes(below(3)) },
      { name: 252, value: bytes(12) },
      { name: 292, value: bytes(below(9)) },
      { name: below(65_000), value: bytes(below(300)) },
    ]
    return options.filter(() => random() < 0.2)
  }
  const whole = (): Buffer =>
    generate({
      code: pick(['0.01', '0.02', '0.02', '0.02', '0.03', '0.05', '2.05', '4.01', '7.31', '0.00']),
      confirmable: random() < 0.7,
      messageId: below(65_536),
      token: bytes(below(9)),
      options: [...path(), ...credentials(), ...extra()],
      payload: pick([Buffer.from('{"a":1}'), bytes(16), bytes(below(600)), Buffer.alloc(0)]),
    })
  const empty = (): Buffer => Buffer.from([pick([0x40, 0x60, 0x70]), 0, below(256), below(256)])
  /** The head of a DTLS record, with something in it: a hello, garbage, or a length that is not there. */
  const dtls = (): Buffer => {
    const body = pick([
      bytes(below(100)),
      Buffer.concat([Buffer.from([1, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 60]), bytes(60)]),
    ])
    const length = random() < 0.8 ? body.length : below(65_536)
    const head = Buffer.from([
      20 + below(4),
      254,
      pick([253, 255]),
      0,
      below(3),
      0,
      0,
      0,
      0,
      0,
      below(256),
      length >> 8,
      length & 0xff,
    ])
    return Buffer.concat([head, body])
  }
  const damage = (given: Buffer): Buffer => {
    let made = Buffer.from(given)
    for (let count = below(4); count > 0; count--) {
      const at = below(made.length + 1)
      const kind = below(5)
      if (kind === 0 && at < made.length) made[at] = below(256)
      else if (kind === 1 && at < made.length) made[at] = (made[at] ?? 0) ^ (1 << below(8))
      else if (kind === 2) made = Buffer.from(made.subarray(0, at))
      else if (kind === 3) made = Buffer.concat([made.subarray(0, at), bytes(below(20)), made.subarray(at)])
      else made = Buffer.concat([made.subarray(0, at), made.subarray(Math.min(made.length, at + below(10)))])
    }
    return made
  }
  return (): Buffer => {
    const kind = random()
    if (kind < 0.05) return bytes(below(1200))
    if (kind < 0.1) return empty()
    if (kind < 0.2) return damage(dtls())
    return damage(whole())
  }
}
