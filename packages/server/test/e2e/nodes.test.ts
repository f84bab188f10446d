import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { loadAxe, violationsOf } from '../console/axe.ts'
import { chromiumPath, openPage, shoot, startChromium } from '../console/browser-page.ts'
import { signIn } from '../console/signed-in.ts'
import { createDevice } from '../harness/api.ts'
import { noMongo, openDatabase, type TestDatabase } from '../harness/mongo-server.ts'
import { startNodes, type TestNodes } from '../harness/three-nodes.ts'

const login = { user: 'ada', password: 'correct horse battery' }

describe.skipIf(noMongo !== undefined)(`three nodes on MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  let all: TestNodes
  beforeAll(async () => {
    database = await openDatabase()
    all = await startNodes(3, database.url, {
      PATCHBAY_ADMIN_USER: login.user,
      PATCHBAY_ADMIN_PASSWORD: login.password,
    })
  }, 90_000)
  afterAll(async () => {
    await all?.end()
    await database?.drop()
  })

  const node = (place: number) => {
    const found = all.nodes[place]
    if (!found) throw new Error(`no node ${place}`)
    return found
  }

  test('each sees all three, with roles, version and load, and one has the work', { timeout: 30_000 }, async () => {
    for (const { api, server } of all.nodes) {
      await expect
        .poll(async () => (await api.get('/api/v1/system/nodes')).body.items, { timeout: 10_000 })
        .toHaveLength(3)
      const { items } = (await api.get('/api/v1/system/nodes')).body
      expect(items.filter(({ self }: { self: boolean }) => self)).toHaveLength(1)
      expect(items.filter(({ holds }: { holds: string[] }) => holds.includes('work'))).toHaveLength(1)
      for (const each of items) expect(each).toMatchObject({ state: 'live', roles: ['front', 'worker', 'api'] })
      await expect
        .poll(
          async () =>
            (await api.get('/api/v1/system/nodes')).body.items.find(({ self }: { self: boolean }) => self)?.address,
        )
        .toBe(`127.0.0.1:${server.port}`)
    }
  })

  test('what one node takes in is read at the others', { timeout: 30_000 }, async () => {
    const { id, secret } = await createDevice(node(0).api, 'boiler-1')
    const authorization = `Basic ${btoa(`${id}:${secret}`)}`
    for (const [i, { server }] of all.nodes.entries()) {
      const posted = await fetch(`${server.url}/v1/devices/${id}/telemetry`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ temperature: i, [`of${i}`]: true }),
      })
      expect(posted.status).toBe(204)
    }
    for (const { api } of all.nodes) {
      const latest = (await api.get(`/api/v1/devices/${id}/latest`)).body
      expect(Object.keys(latest).toSorted()).toEqual(['of0', 'of1', 'of2', 'temperature'])
      expect(latest.temperature.value).toBe(2)
    }
  })

  test.skipIf(chromiumPath === undefined)(
    'the console shows them, in both themes and languages',
    { timeout: 60_000 },
    async () => {
      const browser = await startChromium()
      onTestFinished(() => browser.close())
      const { server } = node(0)
      const state = await signIn(browser, server.url, login)
      for (const [theme, locale, title] of [
        ['light', 'en', 'Nodes'],
        ['dark', 'zh', '节点'],
      ] as const) {
        const { page, context, close } = await openPage(browser, server.url, {
          storageState: state,
          viewport: { width: 1200, height: 760 },
        })
        await loadAxe(context)
        await context.addInitScript(
          `localStorage.setItem('patchbay.theme', '${theme}'); localStorage.setItem('patchbay.locale', '${locale}')`,
        )
        await page.goto(`${server.url}/system/nodes`)
        await page.getByRole('heading', { name: title, exact: true }).waitFor()
        await expect.poll(() => page.locator('.nodes tbody tr').count()).toBe(3)
        expect(await violationsOf(page, `nodes ${theme} ${locale}`)).toEqual([])
        await shoot(page, `nodes-${theme}`)
        await close()
      }
    },
  )
})
