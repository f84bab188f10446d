import type { WriteAnswer } from '@patchbay/contracts/delivery'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Pass, runPass } from './batch-pass.ts'

interface Item {
  n: number
  lane: string
  bad: boolean
}

const laneOf = ({ lane }: Item): string => lane
const toItems = (bad: readonly boolean[], lanes = 4): Item[] =>
  bad.map((each, n) => ({ n, lane: `d${n % lanes}`, bad: each }))

test('one bad record among a thousand is found in about twenty tries, and holds nothing up', async () => {
  const items = toItems(Array.from({ length: 1000 }, (_, n) => n === 613))
  const taken: number[] = []
  let tries = 0
  const pass = await runPass(
    items,
    async (part) => {
      tries++
      if (part.some(({ bad }) => bad)) return { outcome: 'refused', reply: 'NUL in text' }
      taken.push(...part.map(({ n }) => n))
      return { outcome: 'delivered' }
    },
    { laneOf },
  )
  expect(pass).toMatchObject({ delivered: 999, left: [], refused: [{ item: { n: 613 }, reply: 'NUL in text' }] })
  expect(taken).toEqual(items.filter(({ bad }) => !bad).map(({ n }) => n))
  expect(tries).toBeLessThanOrEqual(21)
})

test('a bad record that the target names is parked, and the rest goes at once', async () => {
  const items = toItems([false, true, false])
  const parts: number[][] = []
  const pass = await runPass(
    items,
    async (part): Promise<WriteAnswer> => {
      parts.push(part.map(({ n }) => n))
      const index = part.findIndex(({ bad }) => bad)
      if (index < 0) return { outcome: 'delivered' }
      const retry = part.flatMap((_, at) => (at === index ? [] : [{ index: at, reply: 'nothing was stored' }]))
      return { outcome: 'partial', refused: [{ index, reply: 'line 2' }], retry }
    },
    { laneOf },
  )
  expect(pass).toMatchObject({ delivered: 2, left: [], refused: [{ reply: 'line 2' }] })
  expect(parts).toEqual([
    [0, 1, 2],
    [0, 2],
  ])
})

test('what the target wants later waits, with all that follows it in its lane', async () => {
  const write = async (): Promise<WriteAnswer> => ({
    outcome: 'partial',
    refused: [],
    retry: [{ index: 1, reply: 'throttled' }],
    afterMs: 70,
  })
  const items = toItems([false, false, false, false, false, false], 2)
  const numbers = ({ left }: Pass<Item>): number[] => left.map(({ n }) => n)
  const ordered = await runPass(items, write, { laneOf })
  expect([numbers(ordered), ordered.delivered, ordered.reply, ordered.afterMs]).toEqual([[1, 3, 5], 3, 'throttled', 70])
  expect(numbers(await runPass(items, write, { laneOf: undefined }))).toEqual([1])
})

test('whatever is refused, away or throttled: each item is delivered or parked once, bad ones alone, in order by lane', async () => {
  const seed = Number(process.env['PATCHBAY_TEST_SEED'] ?? Date.now() % 2 ** 31)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 200 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
      async (bad, moods) => {
        const items = toItems(bad.map((each, n) => each && n % 3 === 0))
        const taken: Item[] = []
        const refused: Item[] = []
        let left: readonly Item[] = items
        for (let passes = 0; left.length > 0; passes++) {
          expect(passes).toBeLessThan(2000)
          const pass = await runPass(
            left,
            async (part): Promise<WriteAnswer> => {
              const mood = moods.next().value
              if (mood === 0) return { outcome: 'retry', reply: 'away' }
              if (mood === 1) {
                // Takes what is good and wants some of it again.
                const retry = part.flatMap(({ bad: no, n }, index) =>
                  !no && n % 5 === 0 ? [{ index, reply: 'busy' }] : [],
                )
                const out = part.flatMap(({ bad: no }, index) => (no ? [{ index, reply: 'bad' }] : []))
                taken.push(...part.filter(({ bad: no, n }) => !no && n % 5 !== 0))
                return { outcome: 'partial', refused: out, retry }
              }
              if (part.some(({ bad: no }) => no)) return { outcome: 'refused', reply: 'bad' }
              taken.push(...part)
              return { outcome: 'delivered' }
            },
            { laneOf },
          )
          refused.push(...pass.refused.map(({ item }) => item))
          left = pass.left
        }
        expect(refused.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(
          items.filter((i) => i.bad).map(({ n }) => n),
        )
        expect(new Set(taken.map(({ n }) => n)).size).toBe(items.length - refused.length)
        // The last copies stand in the order of their lane: what was sent again came with all that follows it.
        for (const lane of new Set(items.map(laneOf))) {
          const last = new Map(taken.flatMap((item, place) => (item.lane === lane ? [[item.n, place] as const] : [])))
          const places = [...last].toSorted(([a], [b]) => a - b).map(([, place]) => place)
          expect(places).toEqual(places.toSorted((a, b) => a - b))
        }
      },
    ),
    { seed, numRuns: 200 },
  )
  console.log(`bisecting: 200 runs, seed ${seed}`)
})
