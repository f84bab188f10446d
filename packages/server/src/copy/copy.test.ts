import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Columns } from '@patchbay/core/ingest/columns'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noMongo, openDatabase } from '../../test/harness/mongo-server.ts'
import { createRandom, isLong } from '../../test/harness/random.ts'
import { openStores, type Stores } from '../parts/stores.ts'
import { copyStores, type CopyResult } from './copy.ts'
import { readCopied, readProgress } from './progress.ts'
import { refuseUnfinishedCopy } from './unfinished.ts'

const devices = isLong ? 1_000 : 12
const perDevice = isLong ? 5_000 : 2_500
/** Points that the sink has not had. */
const maxUnsent = 100_000
const operate = fileURLToPath(new URL('../operate.ts', import.meta.url))

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'patchbay-copy-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const open = (name: string, mongodbUrl?: string): Promise<Stores> =>
  openStores(
    { data: join(home, name), durability: 'full', ...(mongodbUrl === undefined ? {} : { mongodbUrl }) },
    (error) => {
      throw error
    },
  )

/** Devices with points of every kind, some of them late and some of them twice, and documents of all sorts. */
const fill = async ({ registry, telemetry }: Stores, seed: string): Promise<void> => {
  const random = createRandom(seed)
  const names = Array.from({ length: devices }, (_, i) => `dev-${i}`)
  await registry.append(
    'devices',
    names.map((id, i) => ({ id, body: { name: `Gerät ${i}`, tags: ['a'], nested: { b: [1, { c: null }], a: '😀' } } })),
  )
  const chunk = 500
  for (let from = 0; from < perDevice; from += chunk) {
    await Promise.all(
      names.map(async (name) => {
        const series = await telemetry.openDevice(name)
        const id = (key: string) => series.keys.get(key) ?? telemetry.addSeries(series, key)
        const columns = new Columns()
        for (let n = from; n < from + chunk; n++) {
          const at = 1_700_000_000_000_000 + Math.floor(n * (random.next() < 0.1 ? 0.5 : 1)) * 1_000_000 + (n % 7)
          if (n % 5 === 0) columns.addText(id('state'), at, n % 10 === 0 ? 'läuft' : '', false)
          else if (n % 5 === 1) columns.addBoolean(id('on'), at, n % 2 === 0)
          else if (n % 5 === 2) columns.addText(id('place'), at, JSON.stringify({ x: n, __proto: [n] }), true)
          else columns.addNumber(id('temperature'), at, random.next() * 1e6 - 5e5)
        }
        await telemetry.append(columns.toBatch())
        telemetry.releaseDevice(series)
      }),
    )
  }
  const end = telemetry.end()
  await registry.put('meta', 'rules', { cursor: end, at: 5 }, 'any')
  const last = end[telemetry.writer] ?? 0
  const middle = { [telemetry.writer]: Math.max(Math.floor(last / 3), last - maxUnsent) }
  await registry.put('meta', 'delivery/files', { cursor: middle, floor: {}, sent: 7 }, 'any')
  await registry.put('meta', 'delivery/all', { cursor: end, floor: middle, sent: 7 }, 'any')
  await registry.put('meta', 'delivery/again', { cursor: {}, floor: end, sent: 7 }, 'any')
  await registry.put('rule_states', 'dev-1', { seq: 17, values: [], rules: [], pending: [] }, 'any')
}

/** The first of what the sink `files` has not had, without the numbers of the log. */
const restOf = async ({ registry, telemetry }: Stores) => {
  const { cursor, floor, sent } = (await registry.get('meta', 'delivery/files'))?.body ?? {}
  expect([floor, sent]).toEqual([expect.any(Object), 7])
  const { records } = await telemetry.readCommitted(cursor as Record<string, number>, 10_000)
  return records.map(({ device, at, values }) => ({ device, at, values }))
}

const copy = async (from: Stores, to: Stores): Promise<CopyResult> =>
  copyStores({ from, to, onProgress: () => undefined })

test(
  'copies everything, tells the rules where they stand, and is the same on the way back',
  { timeout: 1_200_000 },
  async () => {
    const source = await open('source')
    await fill(source, 'copy')
    const [middle, back] = [await open('middle'), await open('back')]
    const there = await copy(source, middle)
    expect(there.documents.count).toBe(devices + 5)
    expect(there.points.count).toBeGreaterThan(devices * perDevice * 0.9)
    const end = middle.telemetry.end()
    expect((await middle.registry.get('meta', 'rules'))?.body).toEqual({ cursor: end, at: 5 })
    expect((await middle.registry.get('meta', 'delivery/all'))?.body).toEqual({ cursor: end, floor: end, sent: 7 })
    const again = { cursor: { [middle.telemetry.writer]: 0 }, floor: end, sent: 7 }
    expect((await middle.registry.get('meta', 'delivery/again'))?.body).toEqual(again)
    // The rules have read all, so it need not say more than that it is of what was copied.
    const seq = (await middle.registry.get('rule_states', 'dev-1'))?.body['seq']
    expect(seq).toBeGreaterThan(0)
    expect(seq).toBeLessThanOrEqual(end[middle.telemetry.writer] ?? 0)
    const left = await restOf(source)
    expect(left.length).toBeGreaterThan(1_000)
    expect(await restOf(middle)).toEqual(left)
    expect(await copy(middle, back)).toMatchObject({ points: there.points })
    expect(await restOf(back)).toEqual(left)
    // People see what came of it; it does not go along.
    expect(await readCopied(back.registry)).toMatchObject({ points: there.points.count, sha256: there.points.sha256 })
    expect(await back.telemetry.latest('dev-3')).toEqual(await source.telemetry.latest('dev-3'))
    for (const stores of [source, middle, back]) await stores.close()
  },
)

test('goes on where it was cut short, and until then no platform starts on it', async () => {
  const source = await open('source')
  await fill(source, 'cut')
  const target = await open('target')
  const cut = new Error('cut')
  const first = copyStores({
    from: source,
    to: target,
    keepEveryPoints: 1,
    onProgress(_, done) {
      if (done > 10 * perDevice) throw cut
    },
  })
  await expect(first).rejects.toBe(cut)
  const { points } = (await readProgress(target.registry)) ?? {}
  expect(points).toBeGreaterThan(0)
  await expect(refuseUnfinishedCopy(target.registry)).rejects.toMatchObject({ code: 'COPY_UNFINISHED' })
  let least: number | undefined
  const { points: copied } = await copyStores({
    from: source,
    to: target,
    onProgress(step, done) {
      if (step === 'telemetry') least ??= done
    },
  })
  expect(least).toBeGreaterThan(points ?? 0)
  expect(copied.count).toBeGreaterThan(0)
  await refuseUnfinishedCopy(target.registry)
  for (const stores of [source, target]) await stores.close()
})

test('refuses a target that holds something', async () => {
  const [source, target] = [await open('source'), await open('target')]
  await target.registry.put('devices', 'mine', {}, 'new')
  await expect(copy(source, target)).rejects.toMatchObject({ code: 'COPY_TARGET_TAKEN' })
  expect(await target.registry.count('meta')).toBe(0)
  for (const stores of [source, target]) await stores.close()
})

test('rules that had not seen everything go on where they were, each device behind what its state knows', async () => {
  const [source, target] = [await open('source'), await open('target')]
  const append = async (device: string, at: number): Promise<number> => {
    const series = await source.telemetry.openDevice(device)
    const columns = new Columns()
    for (const key of ['a', 'b']) {
      columns.addNumber(series.keys.get(key) ?? source.telemetry.addSeries(series, key), at, at)
    }
    const last = await source.telemetry.append(columns.toBatch())
    source.telemetry.releaseDevice(series)
    return last
  }
  const seqs: number[] = []
  for (let at = 0; at < 10; at++) for (const device of ['one', 'two']) seqs.push(await append(device, at))
  const { writer } = source.telemetry
  await source.registry.put('meta', 'rules', { cursor: { [writer]: seqs[5] }, at: 5 }, 'any')
  await source.registry.put('rule_states', 'one', { seq: seqs[10] }, 'any')
  await source.registry.put('rule_states', 'two', { seq: seqs[5] }, 'any')
  await source.registry.put('rule_states', 'three', { seq: seqs[1] }, 'any')
  await copy(source, target)
  const cursor = (await target.registry.get('meta', 'rules'))?.body['cursor'] as Record<string, number>
  const after = async (from: Record<string, number>) =>
    (await target.telemetry.readCommitted(from, 1_000)).records.map(({ device, at }) => `${device} ${at}`)
  const left = [3, 4, 5, 6, 7, 8, 9].flatMap((at) => [`one ${at}`, `two ${at}`])
  expect(await after(cursor)).toEqual(left)
  const stateOf = async (device: string) => {
    const seq = (await target.registry.get('rule_states', device))?.body['seq'] as number
    return after({ [target.telemetry.writer]: seq })
  }
  expect(await stateOf('one')).toEqual(left.slice(5))
  expect([await stateOf('two'), await stateOf('three')]).toEqual([left, left])
  for (const stores of [source, target]) await stores.close()
})

test('says what differs when the target gives back something else', async () => {
  const [source, target] = [await open('source'), await open('target')]
  await fill(source, 'differs')
  const { telemetry } = target
  const append = telemetry.append.bind(telemetry)
  telemetry.append = (batch) => {
    batch.number.fill(1)
    return append(batch)
  }
  const failed = copy(source, target)
  await expect(failed).rejects.toMatchObject({ code: 'COPY_DIFFERS' })
  await expect(refuseUnfinishedCopy(target.registry)).rejects.toMatchObject({ code: 'COPY_UNFINISHED' })
  for (const stores of [source, target]) await stores.close()
})

test('says in a sentence that Patchbay has the data open', async () => {
  const source = await open('source')
  const child = spawn(process.execPath, [operate, 'copy', '--from', 'embedded', '--to', 'mongodb'], {
    env: { ...process.env, PATCHBAY_DATA: join(home, 'source'), MONGODB_URL: 'mongodb://127.0.0.1:1' },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (text += part.toString()))
  const [code] = await once(child, 'close')
  await source.close()
  expect([code, text]).toEqual([
    1,
    expect.stringMatching(/^another process has these data open.*: stop Patchbay first\n$/),
  ])
})

describe.skipIf(noMongo !== undefined)(
  `between the data folder and MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`,
  () => {
    test('copies there, killed -9 on the way, and back, with the same hashes', { timeout: 3_600_000 }, async () => {
      const database = await openDatabase()
      const run = async (
        folder: string,
        args: string[],
        killAfter?: RegExp,
      ): Promise<{ code: number | null; text: string }> => {
        const child = spawn(process.execPath, [operate, 'copy', ...args], {
          env: { ...process.env, PATCHBAY_DATA: join(home, folder), MONGODB_URL: database.url },
        })
        let text = ''
        for (const stream of [child.stdout, child.stderr]) {
          stream.on('data', (part: Buffer) => {
            text += part.toString()
            if (killAfter?.test(text)) child.kill('SIGKILL')
          })
        }
        const [code] = await once(child, 'close')
        return { code, text }
      }
      const hashOf = (text: string): string | undefined => /(\d+ points, SHA-256 \w+)/.exec(text)?.[1]
      try {
        const source = await open('source')
        await fill(source, 'mongodb')
        await source.close()
        const began = performance.now()
        const killed = await run('source', ['--from', 'embedded', '--to', 'mongodb'], / points\n/)
        expect(killed.code).toBeNull()
        const there = await run('source', ['--from', 'embedded', '--to', 'mongodb'])
        expect(there).toMatchObject({ code: 0 })
        const thereMs = performance.now() - began
        const back = await run('back', ['--from=mongodb', '--to=embedded'])
        expect(back).toMatchObject({ code: 0 })
        const backMs = performance.now() - began - thereMs
        expect(hashOf(there.text)).toBeDefined()
        expect(hashOf(back.text)).toBe(hashOf(there.text))
        const rate = (ms: number) =>
          `${Math.round(ms / 1000)} s (${Math.round((devices * perDevice * 1000) / ms)} points/s)`
        console.log(
          `copy: ${hashOf(there.text)}, of ${devices} devices; there ${rate(thereMs)} (killed once), back ${rate(backMs)}`,
        )
      } finally {
        await database.drop()
      }
    })
  },
)
