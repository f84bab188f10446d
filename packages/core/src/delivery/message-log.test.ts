import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type KeptMessage, ofFrame, toFrame } from './message-frame.ts'
import { type MessageLog, openMessageLog } from './message-log.ts'

let folder: string
let log: MessageLog
let faults: unknown[]

const open = async (limitBytes = 1024 * 1024): Promise<MessageLog> =>
  (log = await openMessageLog({ folder, limitBytes, durable: true, onFault: (error) => faults.push(error) }))
const message = (n: number, more: Partial<KeptMessage> = {}): KeptMessage => ({
  topic: `line/${n % 3}`,
  bytes: Buffer.from(`message ${n}`),
  qos: 1,
  retain: false,
  at: 1_764_000_000_000_000 + n,
  ...more,
})
const appendAll = (from: number, to: number): Promise<number[]> =>
  Promise.all(Array.from({ length: to - from }, (_, n) => log.append(message(from + n))))
const readAll = async (after = 0, limit = 7): Promise<{ numbers: number[]; texts: string[] }> => {
  const numbers: number[] = []
  const texts: string[] = []
  for (let cursor = after; cursor < log.end;) {
    const page = await log.read(cursor, limit)
    numbers.push(...page.items.map(({ seq }) => seq))
    texts.push(...page.items.map(({ message: { bytes } }) => Buffer.from(bytes).toString()))
    expect(page.cursor).toBeGreaterThan(cursor)
    cursor = page.cursor
  }
  return { numbers, texts }
}
const files = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.queue')).toSorted()
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-queue-'))
  faults = []
})
afterEach(async () => {
  await log.close()
  await rm(folder, { recursive: true, force: true })
})

test('messages come back as they were, in order, also after a restart', async () => {
  await open()
  const odd = message(1, {
    topic: 'ünï/🔥',
    bytes: Uint8Array.from([0, 255, 10]),
    qos: 2,
    retain: true,
    properties: {
      contentType: 'a/b',
      correlationData: 'AAEC',
      userProperties: [
        ['__proto__', 'x'],
        ['a', ''],
      ],
    },
  })
  expect(await log.append(odd)).toBe(1)
  expect(await appendAll(2, 101)).toEqual(range(2, 101))
  const { id } = log
  await log.close()
  await open()
  expect([log.id, log.end]).toEqual([id, 100])
  const { items } = await log.read(0, 1)
  expect(items[0]?.message).toEqual({ ...odd, bytes: Buffer.from(odd.bytes) })
  expect((await readAll()).numbers).toEqual(range(1, 101))
  expect(await log.append(message(101))).toBe(101)
  expect((await readAll(98)).texts).toEqual(['message 99', 'message 100', 'message 101'])
})

test('a message that is cut off anywhere by a crash is gone, and all before it are there', async () => {
  await open()
  await appendAll(1, 4)
  await log.close()
  const [name = ''] = await files()
  const whole = await readFile(join(folder, name))
  const { length } = toFrame(message(3))
  for (let cut = 1; cut <= length; cut += 1) {
    await writeFile(join(folder, name), whole.subarray(0, whole.length - cut))
    await open()
    expect([cut, log.end]).toEqual([cut, 2])
    expect(await log.append(message(9))).toBe(3)
    expect((await readAll()).texts).toEqual(['message 1', 'message 2', 'message 9'])
    await log.close()
  }
  await writeFile(join(folder, name), whole)
  await appendFile(join(folder, name), Buffer.alloc(1000))
  await open()
  expect(log.end).toBe(3)
})

test('beyond its bound nothing is taken, and everything again when room was made; the number goes on', async () => {
  await open(16 * 1024)
  let taken = 0
  const bytes = Buffer.alloc(500)
  const fill = async (): Promise<unknown> => {
    for (;;) {
      const failed = await log.append(message(0, { bytes })).catch((error: unknown) => error)
      if (typeof failed !== 'number') return failed
      taken += 1
    }
  }
  expect(await fill()).toMatchObject({ name: 'Refused', code: 'BRIDGE_QUEUE_FULL', reason: 'unavailable' })
  expect(log.bytes).toBeLessThanOrEqual(16 * 1024)
  expect((await readAll()).numbers).toEqual(range(1, taken + 1))
  await log.drop(log.end)
  expect(log.bytes).toBe(0)
  expect(await files()).toHaveLength(1)
  expect(await log.append(message(0))).toBe(taken + 1)
  await log.close()
  await open(16 * 1024)
  expect(log.end).toBe(taken + 1)
  expect((await readAll(taken)).numbers).toEqual([taken + 1])
})

test('what was dropped while more came is gone from the disk, and nothing else is', async () => {
  await open(64 * 1024)
  for (let n = 0; n < 40; n += 1) {
    const more = appendAll(n * 20 + 1, n * 20 + 21)
    await log.drop(n * 20)
    await more
  }
  expect((await readAll(780)).numbers).toEqual(range(781, 801))
  let size = 0
  for (const name of await files()) size += (await stat(join(folder, name))).size
  expect(size).toBe(log.bytes)
  expect(size).toBeLessThan(64 * 1024)
})

test('a message whose bytes changed on the disk is left out; where its length did, reading goes on with the next file', async () => {
  await open(16 * 1024)
  for (let n = 1; n <= 40; n += 1) await log.append(message(n, { bytes: Buffer.alloc(300, n) }))
  const [first = '', second = ''] = await files()
  const path = join(folder, first)
  const bytes = await readFile(path)
  const { length } = toFrame(message(1, { bytes: Buffer.alloc(300) }))
  bytes[length - 1] = 0xff
  await writeFile(path, bytes)
  expect((await readAll()).numbers).toEqual(range(2, 41))
  bytes.writeUInt32BE(0xffff_fff0, length)
  await writeFile(path, bytes)
  expect((await readAll()).numbers).toEqual(range(Number(second.slice(0, 16)), 41))
})

test('any message is the same after a frame', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(
      text,
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom<(0 | 1 | 2)[]>(0, 1, 2),
      fc.boolean(),
      fc.nat(),
      fc.option(fc.array(fc.tuple(text, text), { maxLength: 3 }), { nil: undefined }),
      (topic, bytes, qos, retain, at, userProperties) => {
        const kept: KeptMessage = {
          topic,
          bytes: Buffer.from(bytes),
          qos,
          retain,
          at,
          ...(userProperties ? { properties: { userProperties } } : {}),
        }
        expect(ofFrame(toFrame(kept))).toEqual(kept)
      },
    ),
    { numRuns: 30 },
  )
})
