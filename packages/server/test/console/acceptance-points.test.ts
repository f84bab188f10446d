import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

const points = Array.from({ length: 20 }, (_each, n) => n + 1)

test('each of the twenty acceptance points is held by a test with its number, in the file that the table names', async () => {
  const names = (await readdir(import.meta.dirname)).filter((name) => name.endsWith('.test.ts'))
  const held = new Map<number, Set<string>>(points.map((point) => [point, new Set()]))
  for (const name of names) {
    const text = await readFile(new URL(name, import.meta.url), 'utf8')
    for (const [, numbers = ''] of text.matchAll(/'accept ([\d, and]+):/g))
      for (const [number] of numbers.matchAll(/\d+/g)) held.get(Number(number))?.add(name.replace('.test.ts', ''))
  }
  const table = await readFile(new URL('../../../../docs/console/acceptance.md', import.meta.url), 'utf8')
  for (const point of points) {
    const row = table.split('\n').find((line) => line.startsWith(`| ${point} `)) ?? ''
    const told = [...(row.split('|')[3] ?? '').matchAll(/`([a-z.-]+)`/g)].map(([, name]) => name)
    expect(held.get(point), `point ${point}`).toEqual(new Set(told))
    expect(told.length, `point ${point}`).toBeGreaterThan(0)
  }
})
