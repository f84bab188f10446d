import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { loadAxe, violationsOf } from '../console/axe.ts'
import { chromiumPath, openPage, shoot, startChromium } from '../console/browser-page.ts'
import { signIn } from '../console/signed-in.ts'
import { createDevice, readAll } from '../harness/api.ts'
import { startHttpLoad } from '../harness/http-load.ts'
import { noMongo, openDatabase, type TestDatabase } from '../harness/mongo-server.ts'
import { isLong } from '../harness/random.ts'
import { makeDataFolder, runToExit } from '../harness/server-process.ts'
import { startNodes, type TestNodes } from '../harness/three-nodes.ts'

const kills = isLong ? 20 : 2
const login = { user: 'ada', password: 'correct horse battery' }

describe.skipIf(noMongo !== undefined)(`three nodes on MongoDB${noMongo === undefined ? '' : `: ${noMongo}`}`, () => {
  let database: TestDatabase
  let all: TestNodes
  beforeAll(async () => {
    database = await openDatabase()
    all = await startNodes(3, database.url, {
      PATCHBAY_ADMIN_USER: login.user,
      PATCHBAY_ADMIN_PASSWORD: login.password,
      PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1',
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

  test('all write one chain of the audit trail', { timeout: 30_000 }, async () => {
    await Promise.all(
      Array.from({ length: 24 }, (_, i) => node(i % 3).api.post('/api/v1/types', { id: `audited-${i}` })),
    )
    for (const { api } of all.nodes)
      expect((await api.get('/api/v1/audit/verify')).body).toMatchObject({ intact: true })
  })

  test(
    'a node with another master key, and one with a role that is none of the request, refuse in words',
    { timeout: 60_000 },
    async () => {
      const folder = await makeDataFolder()
      onTestFinished(() => folder.remove())
      const { code, text } = await runToExit({ data: folder.path, env: { MONGODB_URL: database.url } })
      expect(text).toContain('PATCHBAY_MASTER_KEY is not the key of the nodes')
      expect(code).toBe(2)
      const front = await all.add({ PATCHBAY_ROLES: 'front' })
      const { status, body } = await front.api.get('/api/v1/devices')
      expect([status, body.code]).toEqual([503, 'ROLE_MISSING'])
      expect((await fetch(`${front.server.url}/readyz`)).status).toBe(200)
      expect((await fetch(`${front.server.url}/v1/devices/x/telemetry`, { method: 'POST' })).status).toBe(401)
      expect((await front.server.stop()).code).toBe(0)
      all.nodes.pop()
      await expect
        .poll(async () => (await node(0).api.get('/api/v1/system/nodes')).body.items, { timeout: 5_000 })
        .toHaveLength(3)
    },
  )

  test('what is changed at one node holds at the others within 2 s', { timeout: 30_000 }, async () => {
    const within = { timeout: 2_000, interval: 50 }
    const [first, second] = [node(0), node(1)]
    const { id, secret } = await createDevice(first.api, 'shared-1')
    const say = async (of: typeof first) =>
      (
        await fetch(`${of.server.url}/v1/devices/${id}/telemetry`, {
          method: 'POST',
          headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}`, 'content-type': 'application/json' },
          body: '{"pressure":1}',
        })
      ).status
    await expect.poll(() => say(second), within).toBe(204)
    expect((await second.api.get(`/api/v1/devices/${id}`)).body.status).toBe('online')
    await expect.poll(async () => (await first.api.get(`/api/v1/devices/${id}`)).body.status, within).toBe('online')

    await first.api.post('/api/v1/types', { id: 'pump' })
    await expect
      .poll(async () => (await second.api.patch(`/api/v1/devices/${id}`, { type: 'pump' })).status, within)
      .toBe(200)
    const rule = await second.api.post('/api/v1/rules', {
      name: 'high',
      scope: { types: ['pump'] },
      levels: [{ severity: 'major', when: 'pressure > 5.0' }],
    })
    await expect.poll(async () => (await first.api.get(`/api/v1/rules/${rule.body.id}`)).status, within).toBe(200)
    expect((await second.api.delete(`/api/v1/rules/${rule.body.id}`)).status).toBe(204)
    await expect.poll(async () => (await first.api.get(`/api/v1/rules/${rule.body.id}`)).status, within).toBe(404)

    const instance = '/api/v1/plugins/alert-webhook/instances/second'
    expect((await first.api.put(instance, { config: { url: 'https://example.org/hook' } })).status).toBe(200)
    await expect.poll(async () => (await second.api.get(instance)).body.state, within).toBe('running')
    expect((await second.api.delete(instance)).status).toBe(204)
    await expect.poll(async () => (await first.api.get(instance)).status, within).toBe(404)

    expect((await first.api.delete(`/api/v1/devices/${id}`)).status).toBe(204)
    await expect.poll(() => say(second), within).toBe(401)
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

  test(
    'what a killed node did goes on elsewhere within 15 s, rules keep their state, and nothing acknowledged is missing',
    { timeout: 120_000 },
    async () => {
      const received: { device: string; at: string; values: Record<string, number> }[] = []
      const target = createServer((request, response) => {
        let text = ''
        request.on('data', (chunk: Buffer) => (text += chunk.toString()))
        request.on('end', () => {
          received.push(...JSON.parse(text))
          response.end()
        })
      }).listen(0, '127.0.0.1')
      await once(target, 'listening')
      onTestFinished(() => void target.close())
      const { port } = target.address() as AddressInfo
      const sink = '/api/v1/plugins/sink-webhook/instances/out'
      const config = { url: `http://127.0.0.1:${port}/` }
      const put = await node(1).api.put(sink, { delivery: { from: 'beginning', wait: '50ms' }, config })
      expect(put.body).toMatchObject({ plugin: 'sink-webhook' })
      const device = await createDevice(node(1).api, 'kept-1')
      const rule = {
        name: 'twice',
        levels: [{ severity: 'major', when: 'n >= 0.0', repeat: { times: 2, within: '5m' } }],
      }
      expect((await node(1).api.post('/api/v1/rules', { ...rule, scope: { devices: ['kept-1'] } })).status).toBe(201)
      const publish = (api: TestNodes['nodes'][number]['api']) =>
        api.post('/api/v1/messages', { topic: 'devices/kept-1/telemetry', payload: { n: 0 }, qos: 1 })
      const held = async (of: number, name: string) =>
        (await node(of).api.get('/api/v1/system/nodes')).body.items.find(
          ({ holds, state }: { holds: string[]; state: string }) => state === 'live' && holds.includes(name),
        )?.id
      const idOf = async (of: number) =>
        (await node(of).api.get('/api/v1/system/nodes')).body.items.find(({ self }: { self: boolean }) => self).id
      const ids = await Promise.all(all.nodes.map((_, place) => idOf(place)))

      const acked: number[] = []
      let next = 0
      for (let round = 0; round < kills; round++) {
        await expect.poll(() => held(1, 'instance/sink-webhook/out'), { timeout: 15_000 }).toBeDefined()
        // The one with the work first, then the one with the sink.
        const worker = ids.indexOf(await held(1, round % 2 === 0 ? 'work' : 'instance/sink-webhook/out'))
        const victim = node(worker)
        const others = all.nodes.filter((each) => each !== victim)
        const baseMs = Date.now() - 86_400_000
        const loads = all.nodes.map(({ server }, place) =>
          startHttpLoad(server.port, device, { inFlight: 4, baseMs, from: (next += 100_000) + place }),
        )
        await expect.poll(() => loads[worker]?.acked.length, { timeout: 10_000 }).toBeGreaterThan(20)
        await victim.server.kill()
        const killedMs = performance.now()
        const witness = all.nodes.indexOf(others[0] ?? victim)
        for (const name of ['work', 'instance/sink-webhook/out']) {
          await expect
            .poll(async () => [undefined, ids[worker]].includes(await held(witness, name)), { timeout: 15_000 })
            .toBe(false)
        }
        expect(performance.now() - killedMs).toBeLessThan(15_000)
        for (const load of loads) load.close()
        await Promise.all(loads.map(({ ended }) => ended))
        for (const load of loads) for (const n of load.acked) acked.push(n)
        await all.again(victim)
      }
      const stored = new Set((await readAll(node(0).api, device.id, 'n')).map(({ value }) => Number(value)))
      expect(acked.filter((n) => !stored.has(n))).toEqual([])
      await expect
        .poll(
          () => {
            const brought = new Set(
              received.filter(({ values }) => 'n' in values).map(({ values }) => values['n'] ?? -1),
            )
            return acked.filter((n) => !brought.has(n)).length
          },
          { timeout: 20_000 },
        )
        .toBe(0)
      const alerts = (await node(0).api.get('/api/v1/alerts?device=kept-1')).body.items
      expect(alerts).toHaveLength(1)
      // Resolved by a person at any node: the rule, which one of them evaluates, counts anew.
      for (const { api } of all.nodes) {
        const { items } = (await api.get('/api/v1/alerts?device=kept-1&state=open')).body
        expect((await api.post(`/api/v1/alerts/${items[0].id}/resolve`)).body.state).toBe('resolved')
        await expect
          .poll(
            async () => {
              await publish(api)
              return (await api.get('/api/v1/alerts?device=kept-1&state=open')).body.items.length
            },
            { timeout: 5_000, interval: 500 },
          )
          .toBe(1)
      }
      console.log(
        `nodes kill: ${kills} kills, ${acked.length} acknowledged, missing 0, ${received.length} records brought out`,
      )
    },
  )
})
