import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { freePort, type GatewayFolder, makeGatewayFolder } from '../harness/gateway-folder.ts'
import { connectMqtt, type TestClient } from '../harness/mqtt-client.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'
import { makeTestCertificate } from '@patchbay/testkit'
import { findViolations, loadAxe } from './axe.ts'
import { answered, chromiumPath, openPage, shoot, startChromium } from './browser-page.ts'
import { signIn } from './signed-in.ts'

const password = 'correct horse battery'
const clients = 16

describe.skipIf(chromiumPath === undefined)('the gateway in the console (needs a Chromium on the PATH)', () => {
  let data: string
  let folder: GatewayFolder
  let server: ServerProcess
  let browser: Browser
  let api: Api
  let door: number
  let mqttPort: number
  let dead: number
  let at: Page
  let troubles: string[]
  const devices: TestDevice[] = []
  const open: TestClient[] = []
  const admin = (path: string) => api.get(`/apisix/admin/${path}`)
  /** A device comes in through the gateway. */
  const comeIn = async (n: number): Promise<void> => {
    const device = devices[n]
    if (!device) throw new TypeError('no device')
    open[n] = await connectMqtt(door, device, { clientId: `pump-client-${n}` })
  }

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-console-gateway-'))
    folder = await makeGatewayFolder()
    let other: number
    ;[door, other, mqttPort, dead] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
    await folder.listen(door, other)
    await folder.route(
      `stream_routes:\n  - id: from-file\n    desc: written by hand\n    server_port: ${other}\n    upstream:\n      type: roundrobin\n      nodes:\n        127.0.0.1:${mqttPort}: 1\n#END\n`,
    )
    const env = {
      PATCHBAY_ADMIN_USER: 'ada',
      PATCHBAY_ADMIN_PASSWORD: password,
      PATCHBAY_GATEWAY: folder.path,
      PATCHBAY_MQTT_PORT: String(mqttPort),
    }
    ;[server, browser] = await Promise.all([startServer({ data, env }), startChromium()])
    api = createApi(server.url)
    devices.push(...(await Promise.all(Array.from({ length: clients }, (_, n) => createDevice(api, `pump-${n}`)))))
    const storageState = await signIn(browser, server.url, { user: 'ada', password })
    const opened = await openPage(browser, server.url, { reducedMotion: 'reduce', storageState })
    ;({ page: at, troubles } = opened)
    at.setDefaultTimeout(5000)
    await loadAxe(opened.context)
  }, 60_000)
  afterAll(async () => {
    for (const client of open) client?.mqtt.end(true)
    await browser?.close()
    await server?.kill()
    await rm(data, { recursive: true, force: true })
    await folder?.remove()
  })

  afterEach(() => {
    expect(troubles.splice(0)).toEqual([])
  })

  test('a route is made by the form, and real clients come in through it', { timeout: 30_000 }, async () => {
    await at.goto(`${server.url}/gateway`)
    await at.getByRole('link', { name: 'New route' }).click()
    await at.locator('input[name=object-id]').fill('plant')
    await at.getByLabel('Server port').fill(String(door))
    await at.getByRole('button', { name: 'Add Patchbay itself' }).click()
    await at.locator('[data-test=add-node]').click()
    const node = at.getByRole('group', { name: 'Broker 2' })
    await node.getByLabel('Host').fill('127.0.0.1')
    await node.getByLabel('Port').fill(String(mqttPort))
    await at.getByRole('button', { name: 'Save' }).click()
    await at.waitForURL('**/gateway/routes/plant')
    expect((await admin('stream_routes/plant')).body.value).toMatchObject({
      server_port: door,
      plugins: { 'mqtt-proxy': { protocol_level: [4, 5] } },
      upstream: {
        type: 'chash',
        key: 'mqtt_client_id',
        nodes: [
          { local: true, weight: 1 },
          { host: '127.0.0.1', port: mqttPort, weight: 1 },
        ],
      },
    })
    await Promise.all(Array.from({ length: clients }, (_, n) => comeIn(n)))
    await at.goto(`${server.url}/gateway/sessions`)
    await at.getByText(`${clients} in all`).waitFor()
    await at.keyboard.press('/')
    await at.keyboard.type('nobody')
    await at.getByRole('button', { name: 'Clear the filters' }).click()
    expect(await at.getByRole('searchbox').inputValue(), 'what is cleared is no longer written there').toBe('')
    await at.keyboard.press('/')
    await at.keyboard.type('CLIENT-11')
    await at.getByText('1 in all').waitFor()
    // A client is sent away, and knows it.
    await at.getByRole('button', { name: 'Disconnect pump-client-11' }).click()
    await at.getByRole('dialog').getByRole('button', { name: 'Disconnect', exact: true }).click()
    await at.getByText('Disconnected.').waitFor()
    const sent = open[11]
    await expect.poll(() => sent?.closed()).toBe(true)
  })

  test('a change keeps what the form does not know, and one over another’s is refused', async () => {
    await api.put('/apisix/admin/upstreams/pair', {
      type: 'chash',
      key: 'mqtt_client_id',
      labels: { team: 'north' },
      keepalive_pool: { size: 5 },
      nodes: { [`127.0.0.1:${mqttPort}`]: 1, [`127.0.0.1:${dead}`]: 1 },
      checks: { active: { type: 'tcp', unhealthy: { interval: 1, tcp_failures: 1 } } },
    })
    await at.goto(`${server.url}/gateway/upstreams/pair`)
    await at.getByLabel('Note').fill('two brokers')
    await at.getByRole('button', { name: 'Save' }).click()
    await at.getByText('Saved.').first().waitFor()
    const { value } = (await admin('upstreams/pair')).body
    expect(value).toMatchObject({
      desc: 'two brokers',
      labels: { team: 'north' },
      keepalive_pool: { size: 5 },
      nodes: { [`127.0.0.1:${mqttPort}`]: 1 },
    })
    await api.patch('/apisix/admin/upstreams/pair', { name: 'theirs' })
    await at.getByLabel('Note').fill('mine')
    await at.getByRole('button', { name: 'Save' }).click()
    await at.getByRole('alert').filter({ hasText: 'changed by somebody else' }).waitFor()
    expect((await admin('upstreams/pair')).body.value).toMatchObject({ name: 'theirs', desc: 'two brokers' })
    // The refusal itself, as the browser tells of it.
    expect(troubles.splice(0).filter((trouble) => !answered(412).test(trouble))).toEqual([])
    await at.getByRole('button', { name: 'Take theirs' }).click()
    await expect.poll(() => at.getByLabel('Name', { exact: true }).inputValue()).toBe('theirs')
  })

  test('a broker that is down is shown with the reason, and one is drained and given back', async () => {
    await at.goto(`${server.url}/gateway/upstreams`)
    const row = at.getByRole('row').filter({ hasText: `127.0.0.1:${dead}` })
    await row.getByText('down', { exact: true }).waitFor()
    await row.getByText('ECONNREFUSED').waitFor()
    const card = at.locator('section.card').filter({ hasText: 'in route plant' })
    await card.getByRole('button', { name: 'Drain local' }).click()
    await at.getByLabel('Sessions ended each second').fill('1')
    await at.getByRole('dialog').getByRole('button', { name: 'Drain', exact: true }).click()
    await card.getByText('draining', { exact: true }).waitFor()
    const drained = async () =>
      (await api.get('/api/v1/gateway/nodes')).body.items.find((each: any) => each.node === 'local').draining
    expect(await drained()).toBe(1)
    await card.getByRole('button', { name: 'End draining local' }).click()
    await card.getByText('draining', { exact: true }).waitFor({ state: 'hidden' })
    expect(await drained()).toBe(0)
  })

  test('the simulator says while dragging what moves, and its weights come into force', async () => {
    await at.goto(`${server.url}/gateway/simulator?upstream=stream_routes/plant`)
    await at.locator('[data-test=ring] path').first().waitFor()
    const moves = at.locator('[data-test=moves]')
    await expect.poll(() => moves.textContent()).toMatch(/^0 of \d+ live sessions/)
    const slider = at.getByRole('slider', { name: 'Weight of Patchbay itself' })
    await slider.focus()
    for (let n = 0; n < 8; n++) await at.keyboard.press('ArrowRight')
    const asked = {
      upstream: 'stream_routes/plant',
      weights: { local: 9 },
      clientIds: ['a', 'b', 'c', 'd', 'e', 'f'],
    }
    const { sessions, placement } = (await api.post('/api/v1/gateway/simulate', asked)).body
    expect(sessions.moved).toBeGreaterThan(0)
    await expect
      .poll(() => moves.textContent())
      .toBe(`${sessions.moved} of ${sessions.total} live sessions would go to another broker when they come back.`)
    await at.getByLabel('Client ids to try').fill(asked.clientIds.join('\n'))
    const movedIds = placement.filter((each: any) => each.node !== each.now).length
    await at.locator('[data-test=moved-ids]', { hasText: `${movedIds} of these 6 ids` }).waitFor()
    await at.getByRole('button', { name: 'Apply these weights' }).click()
    await at.getByRole('dialog').getByRole('button', { name: 'Apply these weights' }).click()
    await at.getByText('The weights are in force.').waitFor()
    expect((await admin('stream_routes/plant')).body.value.upstream.nodes).toEqual([
      { local: true, weight: 9, priority: 0 },
      { host: '127.0.0.1', port: mqttPort, weight: 1, priority: 0 },
    ])
    // What was said is what is: nothing would move any more but those that were announced.
    const now = (await api.post('/api/v1/gateway/simulate', { upstream: 'stream_routes/plant' })).body
    expect(now.sessions.moved).toBe(sessions.moved)
  })

  test('a certificate is taken with its key, which is never shown again', async () => {
    const { cert, key } = await makeTestCertificate(['mqtt.example.org'])
    await at.goto(`${server.url}/gateway/certificates/new`)
    await at.locator('input[name=object-id]').fill('front')
    await at.getByLabel('Server names').fill('mqtt.example.org')
    await at.getByLabel('Certificate (PEM)', { exact: false }).first().fill(cert)
    await at.getByLabel('Private key (PEM)', { exact: false }).first().fill(key)
    await at.getByRole('button', { name: 'Save' }).click()
    await at.waitForURL('**/certificates/front')
    await at.goto(`${server.url}/gateway/certificates/front`)
    await at.getByPlaceholder('stored, not shown').waitFor()
    expect(await at.content()).not.toContain('PRIVATE KEY')
    await at.getByLabel('Note').fill('renewed in spring')
    await at.getByRole('button', { name: 'Save' }).click()
    await at.getByText('Saved.').first().waitFor()
    await at.goto(`${server.url}/gateway/certificates`)
    const row = at.getByRole('row').filter({ hasText: 'mqtt.example.org' })
    await row.getByText(/\d+ days left/).waitFor()
  })

  test('what the file owns is read-only, and says why', async () => {
    await at.goto(`${server.url}/gateway/routes/from-file`)
    await at.locator('[data-test=owned]', { hasText: 'apisix.yaml owns this' }).waitFor()
    expect(await at.getByLabel('Server port').isDisabled()).toBe(true)
    expect(await at.getByRole('button', { name: 'Save' }).count()).toBe(0)
  })

  test(
    'accept 17: every page in three themes and on 360 px: nothing fails, axe finds nothing',
    { timeout: 60_000 },
    async () => {
      // What the tests before made, for whoever runs this one alone.
      if ((await admin('stream_routes/plant')).status !== 200) {
        const nodes = [{ local: true, weight: 1 }]
        await api.put('/apisix/admin/stream_routes/plant', {
          upstream: { type: 'chash', key: 'mqtt_client_id', nodes },
        })
      }
      if ((await admin('ssls/front')).status !== 200)
        await api.put('/apisix/admin/ssls/front', {
          snis: ['mqtt.example.org'],
          ...(await makeTestCertificate(['mqtt.example.org'])),
        })
      for (const place of [
        'routes',
        'routes/plant',
        'upstreams',
        'certificates',
        'certificates/front',
        'sessions',
        'simulator?upstream=stream_routes/plant',
      ]) {
        await at.goto(`${server.url}/gateway/${place}`)
        await at.locator('main .card').first().waitFor()
        await expect.poll(() => at.locator('.wait').count()).toBe(0)
        await findViolations(at, place)
        await shoot(at, `gateway-${place.replace(/\W+/g, '-').slice(0, 24)}`)
      }
      // The last tab is scrolled to where a phone shows it.
      await at.setViewportSize({ width: 360, height: 740 })
      await at.reload()
      const tab = at.getByRole('link', { name: 'Simulator' })
      await expect.poll(async () => (await tab.boundingBox())?.x ?? 360).toBeLessThan(300)
      await at.setViewportSize({ width: 1360, height: 860 })
    },
  )

  test('without the gateway the page says how to get it, and a click enables it', async () => {
    // Away from the simulator, which would go on asking what is not there.
    await at.goto(server.url)
    await at.getByText('Hello, ada').waitFor()
    await api.post('/api/v1/plugins/gateway-mqtt/instances/default/disable')
    await at.goto(`${server.url}/gateway`)
    await at.locator('[data-test=not-enabled]').waitFor()
    await shoot(at, 'gateway-off')
    await at.getByRole('button', { name: 'Enable the gateway' }).click()
    await at.getByRole('link', { name: 'plant' }).waitFor()
  })
})
