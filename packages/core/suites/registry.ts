import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CursorInvalid } from '../src/cursor-invalid.ts'
import type { Body, ListQuery, RegistryStore } from '../src/registry/port.ts'
import { StoreUnavailable } from '../src/store-unavailable.ts'

/** A registry on its own empty data. `reopen` closes the store and opens another one on the same data. */
export interface OpenedRegistry {
  store: RegistryStore
  reopen(): Promise<RegistryStore>
  /** Ends the store as a crash would, where the harness can. */
  kill?: () => Promise<void>
  close(): Promise<void>
}

/** What every filling of the registry port keeps. */
export function registryContract(open: () => Promise<OpenedRegistry>): void {
  describe('registry contract', () => {
    let opened: OpenedRegistry
    let store: RegistryStore
    beforeEach(async () => {
      opened = await open()
      store = opened.store
    })
    afterEach(() => opened.close())

    const fill = (documents: Record<string, Body>) =>
      store.append(
        'devices',
        Object.entries(documents).map(([id, body]) => ({ id, body })),
      )
    const ids = async (query: Partial<ListQuery>) =>
      (await store.list('devices', { limit: 100, ...query })).items.map((item) => item.id)

    async function allPages(query: ListQuery, between?: () => Promise<void>): Promise<string[]> {
      const found: string[] = []
      let cursor: string | undefined
      do {
        const page = await store.list('devices', { ...query, ...(cursor === undefined ? {} : { cursor }) })
        found.push(...page.items.map((item) => item.id))
        cursor = page.nextCursor
        await between?.()
      } while (cursor !== undefined)
      return found
    }

    test('a document is read as it was put, versions count up', async () => {
      const body = {
        name: 'Ofen',
        tags: ['a', 'b'],
        deep: { list: [1, null, true, 'x'] },
        zero: -1.5e-7,
        ts: 2 ** 53 - 1,
      }
      expect(await store.get('devices', 'd1')).toBeUndefined()
      expect(await store.put('devices', 'd1', body, 'new')).toEqual({ ok: true, version: 1 })
      expect(await store.get('devices', 'd1')).toEqual({ id: 'd1', version: 1, body })
      expect(await store.put('devices', 'd1', { name: 'Neu' }, 1)).toEqual({ ok: true, version: 2 })
      expect(await store.put('devices', 'd1', { name: 'Any' }, 'any')).toEqual({ ok: true, version: 3 })
      expect(await store.put('devices', 'd2', { name: 'Any' }, 'any')).toEqual({ ok: true, version: 1 })
      expect(await store.get('devices', 'd1')).toEqual({ id: 'd1', version: 3, body: { name: 'Any' } })
      expect(await store.get('presence', 'd1')).toBeUndefined()
    })

    test('a body with the key __proto__ comes back with it and changes no prototype', async () => {
      const body: Body = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}')
      await store.put('shadows', 'd1', body, 'new')
      const read = await store.get('shadows', 'd1')
      expect(JSON.stringify(read?.body)).toBe(JSON.stringify(body))
      expect(Object.getPrototypeOf(read?.body)).toBe(Object.prototype)
    })

    test('a wrong expectation changes nothing and names the version that is there', async () => {
      await store.put('devices', 'd1', { n: 1 }, 'new')
      expect(await store.put('devices', 'd1', { n: 2 }, 'new')).toEqual({ ok: false, version: 1 })
      expect(await store.put('devices', 'd1', { n: 2 }, 7)).toEqual({ ok: false, version: 1 })
      expect(await store.put('devices', 'none', { n: 2 }, 3)).toEqual({ ok: false, version: 0 })
      expect(await store.put('devices', 'zero', { n: 2 }, 0)).toEqual({ ok: true, version: 1 })
      expect(await store.get('devices', 'd1')).toEqual({ id: 'd1', version: 1, body: { n: 1 } })
      expect(await store.get('devices', 'none')).toBeUndefined()
    })

    test('of many writers that expect the same version exactly one wins', async () => {
      await store.put('shadows', 's', { n: 0 }, 'new')
      const results = await Promise.all(Array.from({ length: 50 }, (_, n) => store.put('shadows', 's', { n }, 1)))
      expect(results.filter((result) => result.ok)).toEqual([{ ok: true, version: 2 }])
      expect(results.filter((result) => !result.ok).every((result) => result.version === 2)).toBe(true)
      const made = await Promise.all(Array.from({ length: 20 }, (_, n) => store.put('users', 'u', { n }, 'new')))
      expect(made.filter((result) => result.ok)).toHaveLength(1)
    })

    test('delete keeps to the expected version', async () => {
      await store.put('devices', 'd1', {}, 'new')
      expect(await store.delete('devices', 'd1', 2)).toEqual({ ok: false, version: 1 })
      expect((await store.delete('devices', 'd1', 1)).ok).toBe(true)
      expect(await store.delete('devices', 'd1')).toEqual({ ok: false, version: 0 })
      await store.put('devices', 'd1', {}, 'new')
      expect((await store.delete('devices', 'd1')).ok).toBe(true)
      expect(await store.count('devices')).toBe(0)
    })

    test('append puts many in order, the last of an id wins', async () => {
      await store.append('audit', [])
      await store.append('audit', [
        { id: '1', body: { n: 1 } },
        { id: '2', body: { n: 2 } },
        { id: '1', body: { n: 3 } },
      ])
      expect(await store.count('audit')).toBe(2)
      expect(await store.get('audit', '1')).toEqual({ id: '1', version: 2, body: { n: 3 } })
    })

    test('where compares value and type', async () => {
      await fill({
        a: { x: 1, on: true },
        b: { x: '1', on: 1 },
        c: { x: true, on: false },
        d: { x: [1], on: 'true' },
        e: { x: '[1]' },
        f: {},
      })
      expect(await ids({ where: { x: 1 } })).toEqual(['a'])
      expect(await ids({ where: { x: '1' } })).toEqual(['b'])
      expect(await ids({ where: { x: true } })).toEqual(['c'])
      expect(await ids({ where: { x: '[1]' } })).toEqual(['e'])
      expect(await ids({ where: { on: true } })).toEqual(['a'])
      expect(await ids({ where: { on: false } })).toEqual(['c'])
      expect(await ids({ where: { on: true, x: 2 } })).toEqual([])
    })

    test('values are never read as part of the query', async () => {
      const evil = `' OR 1=1 --`
      await fill({ a: { name: 'x', tags: ['t'] }, b: { name: evil, tags: [evil] } })
      expect(await ids({ where: { name: evil } })).toEqual(['b'])
      expect(await ids({ contains: { tags: evil } })).toEqual(['b'])
      expect(await ids({ search: { fields: ['name'], text: evil } })).toEqual(['b'])
      expect(await ids({ search: { fields: ['name'], text: '%' } })).toEqual([])
      expect(await ids({ search: { fields: ['name'], text: '.*' } })).toEqual([])
      expect(await ids({ prefix: evil })).toEqual([])
    })

    test('a field name that is none is refused', async () => {
      for (const name of ["x' OR 1=1", 'a.b', '$where', '', '1a', '__proto__']) {
        await expect(store.list('devices', { where: { [name]: 1 }, limit: 1 })).rejects.toThrow(Error)
        await expect(store.list('devices', { sort: { by: name }, limit: 1 })).rejects.toThrow(Error)
      }
    })

    test('contains finds a member of an array field', async () => {
      await fill({ a: { tags: ['x', 'y'] }, b: { tags: ['xy'] }, c: { tags: 'x' }, d: {}, e: { tags: [] } })
      expect(await ids({ contains: { tags: 'x' } })).toEqual(['a'])
    })

    test('search ignores case beyond ASCII too and looks at every field', async () => {
      await fill({ a: { name: 'Kühlhaus ÄÖ' }, b: { note: 'ХОЛОДИЛЬНИК' }, kühl: {}, d: { name: 'Ofen' } })
      const find = (text: string) => ids({ search: { fields: ['id', 'name', 'note'], text } })
      expect(await find('KÜHL')).toEqual(['a', 'kühl'])
      expect(await find('äö')).toEqual(['a'])
      expect(await find('холод')).toEqual(['b'])
      expect(await find('ofEN')).toEqual(['d'])
      expect(await find('Ofen!')).toEqual([])
    })

    test('prefix chooses ids by their beginning', async () => {
      await fill({ a: {}, 'a:1': {}, 'a:2': {}, 'a;': {}, b: {}, é1: {}, é2: {}, ê: {}, '\u{1F600}x': {} })
      expect(await ids({ prefix: 'a:' })).toEqual(['a:1', 'a:2'])
      expect(await ids({ prefix: 'é' })).toEqual(['é1', 'é2'])
      expect(await ids({ prefix: '\u{1F600}' })).toEqual(['\u{1F600}x'])
    })

    test('range includes its start and leaves out its end, within one type', async () => {
      await fill({
        a: { t: '2026-01-01' },
        b: { t: '2026-01-02' },
        c: { t: '2026-01-03' },
        d: { t: 5 },
        e: { t: 7 },
        f: {},
      })
      expect(await ids({ range: { field: 't', from: '2026-01-01', to: '2026-01-03' } })).toEqual(['a', 'b'])
      expect(await ids({ range: { field: 't', to: '2026-01-02' } })).toEqual(['a'])
      expect(await ids({ range: { field: 't', from: 6 } })).toEqual(['e'])
      expect(await ids({ range: { field: 't', from: 5, to: 7 } })).toEqual(['d'])
    })

    test('conditions are joined by AND', async () => {
      await fill({ 'a:1': { s: 'x', n: 1 }, 'a:2': { s: 'x', n: 2 }, 'b:1': { s: 'x', n: 1 }, 'a:3': { s: 'y', n: 1 } })
      expect(await ids({ prefix: 'a:', where: { s: 'x' }, range: { field: 'n', from: 2 } })).toEqual(['a:2'])
    })

    test('sorts by a field, documents without it first, ids settle ties in the same direction', async () => {
      await fill({ a: { n: 2 }, b: { n: 1 }, c: {}, d: { n: 2 }, e: { n: 10 }, f: {} })
      expect(await ids({ sort: { by: 'n' } })).toEqual(['c', 'f', 'b', 'a', 'd', 'e'])
      expect(await ids({ sort: { by: 'n', descending: true } })).toEqual(['e', 'd', 'a', 'b', 'f', 'c'])
      expect(await ids({ sort: { by: 'id', descending: true } })).toEqual(['f', 'e', 'd', 'c', 'b', 'a'])
      expect(await ids({})).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
    })

    test('ids and texts sort by code point', async () => {
      await fill({ '\u{1F600}': { s: '\u{1F600}' }, '\uFF01': { s: '\uFF01' }, Z: { s: 'Z' }, a: { s: 'a' } })
      expect(await ids({})).toEqual(['Z', 'a', '\uFF01', '\u{1F600}'])
      expect(await ids({ sort: { by: 's' } })).toEqual(['Z', 'a', '\uFF01', '\u{1F600}'])
    })

    test('pages together are the whole list, in whatever order and page size', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }), { maxLength: 30 }),
          fc.integer({ min: 1, max: 7 }),
          fc.boolean(),
          async (values, limit, descending) => {
            await store.trim('devices', 0)
            const documents = values.map((n, i) => ({ id: `d${String(i).padStart(2, '0')}`, n }))
            await store.append(
              'devices',
              documents.map(({ id, n }) => ({ id, body: n === undefined ? {} : { n } })),
            )
            const expected = documents
              .toSorted((a, b) => (a.n ?? -1) - (b.n ?? -1) || (a.id < b.id ? -1 : 1))
              .map(({ id }) => id)
            if (descending) expected.reverse()
            expect(await allPages({ limit, sort: { by: 'n', descending } })).toEqual(expected)
          },
        ),
        { numRuns: 25 },
      )
    })

    test('documents that come or go while a list is paged neither repeat nor hide others', async () => {
      const old = Array.from({ length: 20 }, (_, i) => `d${String(i + 10)}`)
      await fill(Object.fromEntries(old.map((id, i) => [id, { n: i % 3 }])))
      let round = 0
      const found = await allPages({ limit: 3, sort: { by: 'n' } }, async () => {
        round += 1
        await store.put('devices', `a${round}`, { n: 0 }, 'any')
        await store.put('devices', `z${round}`, { n: 9 }, 'any')
      })
      expect(new Set(found).size).toBe(found.length)
      expect(found.filter((id) => id.startsWith('d')).toSorted()).toEqual(old)
    })

    test('a cursor of nobody is refused', async () => {
      await fill({ a: {}, b: {} })
      for (const cursor of ['x', '', 'bnVsbA', Buffer.from('[{},"a"]').toString('base64url')]) {
        await expect(store.list('devices', { limit: 1, cursor })).rejects.toThrow(CursorInvalid)
      }
    })

    test('deleteWhere deletes what is chosen, at most the limit', async () => {
      await fill({ a: { s: 1 }, b: { s: 1 }, c: { s: 2 }, d: { s: 1 } })
      expect(await store.deleteWhere('devices', { where: { s: 1 }, limit: 2 })).toBe(2)
      expect(await ids({ where: { s: 1 } })).toHaveLength(1)
      expect(await ids({ where: { s: 2 } })).toEqual(['c'])
      expect(await store.deleteWhere('devices', { where: { s: 3 }, limit: 2 })).toBe(0)
    })

    test('trim keeps the highest ids', async () => {
      await fill({ a: {}, b: {}, c: {}, d: {} })
      expect(await store.trim('devices', 4)).toBe(0)
      expect(await store.trim('devices', 1)).toBe(3)
      expect(await ids({})).toEqual(['d'])
      expect(await store.trim('devices', 0)).toBe(1)
    })

    test('what was written is there after a reopen', async () => {
      await store.put('devices', 'd1', { name: 'x' }, 'new')
      await store.put('devices', 'd1', { name: 'y' }, 1)
      expect(await store.size()).toBeGreaterThan(0)
      store = await opened.reopen()
      expect(await store.get('devices', 'd1')).toEqual({ id: 'd1', version: 2, body: { name: 'y' } })
    })

    test('a closed store refuses with StoreUnavailable; closing again is fine', async () => {
      const pending = store.put('devices', 'd1', {}, 'new')
      await store.close()
      expect(await pending).toEqual({ ok: true, version: 1 })
      await store.close()
      await expect(store.get('devices', 'd1')).rejects.toThrow(StoreUnavailable)
      await expect(store.put('devices', 'd1', {}, 'any')).rejects.toThrow(StoreUnavailable)
    })
  })
}
