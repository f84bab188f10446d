import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { carry } from '../src/carry.ts'
import { maxOwnBuffers } from '../src/limits.ts'
import { readInto } from '../src/own-reads.ts'
import { createReadBuffers } from '../src/read-buffers.ts'
import { listenOn } from './world.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0).toReversed()) close()
})

/** Both ends of a connection. */
async function openPair(): Promise<[Socket, Socket]> {
  const server = createServer({ noDelay: true })
  closing.push(() => server.close())
  const near = connect(await listenOn(server), '127.0.0.1')
  const [far]: Socket[] = await once(server, 'connection')
  if (!far) throw new TypeError('no connection')
  for (const socket of [near, far]) {
    socket.on('error', () => undefined)
    closing.push(() => socket.destroy())
  }
  return [near, far]
}

test('this version of Node lets a socket of a server read into a buffer that it is given', async () => {
  const [near, far] = await openPair()
  const got: string[] = []
  const take = (length: number, buffer: Buffer): boolean => got.push(buffer.toString('utf8', 0, length)) > 0
  expect(readInto(far, Buffer.alloc(8), take, () => null)).toBe(true)
  far.resume()
  near.write('twelve bytes')
  await vi.waitFor(() => expect(got.join('')).toBe('twelve bytes'))
  expect(got[0]).toHaveLength(8)
})

test('a buffer of its own is for as long as much comes, and is back when the direction ends, whatever waits', async () => {
  const [source, from] = await openPair()
  const [to, target] = await openPair()
  const buffers = createReadBuffers()
  const told = { stalls: 0 }
  let most = 0
  const onBytes = (): void => void (most = Math.max(most, buffers.lent))
  carry({ from, to, buffers, onBytes, onStall: () => void (told.stalls += 1) })
  to.on('drain', () => from.resume())
  from.resume()
  let received = 0
  target.on('data', (bytes) => void (received += bytes.length))
  source.write(Buffer.alloc(4 << 20))
  await vi.waitFor(() => expect(received).toBe(4 << 20))
  expect(most).toBeGreaterThan(0)
  source.write('little')
  await vi.waitFor(() => expect(received).toBe((4 << 20) + 6))
  await vi.waitFor(() => expect(buffers.lent).toBe(0))
  // Now nobody reads: what was written from waits, and is given up with the connection.
  target.pause()
  const before = told.stalls
  source.write(Buffer.alloc(32 << 20))
  await vi.waitFor(() => expect(told.stalls).toBeGreaterThan(before))
  expect(buffers.lent).toBeGreaterThan(0)
  source.destroy()
  from.destroy()
  await vi.waitFor(() => expect(buffers.lent).toBe(0))
})

test.each(['a buffer of its own', 'the shared buffer', 'what Node gives'])(
  'what waits for a peer that does not read is not read over: %s',
  async (kind) => {
    const [source, from] = await openPair()
    const [to, target] = await openPair()
    const buffers = createReadBuffers()
    if (kind === 'the shared buffer') while (buffers.take());
    if (kind === 'what Node gives') Reflect.set(Reflect.get(from, '_handle'), 'useUserBuffer', undefined)
    const told = { stalls: 0 }
    let carried = 0
    const onBytes = (length: number): void => void (carried += length)
    carry({ from, to, buffers, onBytes, onStall: () => void (told.stalls += 1) })
    from.resume()
    // Less than what a socket holds back, so that several wait, each in a write of its own.
    const chunk = Buffer.alloc(20_000)
    const sent = createHash('sha256')
    let length = 0
    do {
      chunk.fill(`${length} `)
      sent.update(chunk)
      length += chunk.length
      source.write(Buffer.from(chunk))
      await vi.waitFor(() => expect(carried).toBe(length), { interval: 1 })
    } while (told.stalls === 0)
    // Another one reads meanwhile.
    const [other, otherFrom] = await openPair()
    const [otherTo, otherTarget] = await openPair()
    carry({ from: otherFrom, to: otherTo, buffers, onBytes: () => undefined, onStall: () => undefined })
    otherFrom.resume()
    other.end(Buffer.alloc(200_000, 'x'))
    otherTarget.resume()
    let otherLength = 0
    otherTarget.on('data', (bytes) => void (otherLength += bytes.length))
    await vi.waitFor(() => expect(otherLength).toBe(200_000))
    const got = createHash('sha256')
    let received = 0
    target.on('data', (bytes) => {
      got.update(bytes)
      received += bytes.length
    })
    await vi.waitFor(() => expect(received).toBe(length))
    expect(got.digest('hex')).toBe(sent.digest('hex'))
  },
)

test('more directions than there are buffers share one', () => {
  const buffers = createReadBuffers()
  const taken = Array.from({ length: maxOwnBuffers }, () => buffers.take())
  expect(taken).not.toContain(undefined)
  expect(buffers.take()).toBeUndefined()
  for (const buffer of taken) if (buffer) buffers.giveBack(buffer)
  expect(buffers.lent).toBe(0)
  expect(taken).toContain(buffers.take())
})
