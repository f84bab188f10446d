import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { readAhead } from '../src/read-ahead.ts'

test('what was read is there again, from its first byte, however it came', async () => {
  const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251))
  const stream = new PassThrough()
  const seen: number[] = []
  const answer = readAhead(stream, (so) => {
    seen.push(so.length)
    expect(so.equals(bytes.subarray(0, so.length))).toBe(true)
    return so.length >= 4_000 ? 'enough' : undefined
  })
  for (let at = 0; at < bytes.length; at += 7) {
    stream.write(bytes.subarray(at, at + 7))
    if (at % 70 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await answer).toBe('enough')
  expect(seen.length).toBeGreaterThan(10)
  stream.end()
  const all: Buffer[] = []
  for await (const chunk of stream) all.push(chunk)
  expect(Buffer.concat(all).equals(bytes)).toBe(true)
})

test('a peer that goes is told as gone, before and while it is read', async () => {
  const ended = new PassThrough()
  const waiting = readAhead(ended, () => undefined)
  ended.end('half')
  ended.resume()
  expect(await waiting).toBe('gone')
  expect(await readAhead(ended, () => 1)).toBe('gone')
})
