import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { packFeed, uploadPlugin } from '../harness/packed-plugin.ts'
import { type ServerProcess, startServer, testKey } from '../harness/server-process.ts'
import { chromiumPath, openPage, shoot, startChromium, type WatchedPage } from './browser-page.ts'

const password = 'correct horse battery'
const hostile = [
  '<script>document.title="ran"</script>',
  '<img src=x onerror=document.title="ran">',
  '"><svg onload=document.title="ran">',
  '{{constructor.constructor("document.title=1")()}}',
  'javascript:document.title="ran"',
  '${document.title="ran"}',
  '\u202Eright to left',
  '😀 & < > \' "',
]
const places = [
  '/',
  '/devices',
  '/devices/sensor-01',
  '/devices/sensor-01/data',
  '/devices/sensor-01/messages',
  '/devices/sensor-01/commands',
  '/devices/sensor-01/shadow',
  '/devices/sensor-01/alerts',
  '/devices/sensor-01/access',
  '/devices/sensor-01/log',
  '/devices/new',
  '/types',
  '/live',
  '/alerts?state=all',
  '/alerts/maintenance',
  '/rules',
  '/rules/new',
  '/channels',
  '/channels/new',
  '/channels/ops',
  '/plugins',
  '/plugins/adapter-mqtt',
  '/plugins/adapter-mqtt/about',
  '/plugins/adapter-mqtt/versions',
  '/plugins/adapter-mqtt/log',
  '/plugins/acme-feed',
  '/jobs',
  '/system',
  '/access/users',
  '/access/roles',
  '/access/keys',
  '/access/rules',
  '/access/provisioning',
  '/access/certificates',
  '/access/refusals',
  '/access/audit',
  '/settings',
  '/setup/network',
]
/** What a viewer may not do, by the names of the buttons. */
const forbidden =
  /^(Delete|Save|Edit|New |Revoke|Add a |Disable|Restart|Send the command|Install|Remove the plugin|Issue|Switch o|Upgrade|Throw)/
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Pages that are walked through at once. */
const lanes = 3
/** Visits all places, a few at a time, each lane in a page of its own; answers what each visit told. */
const walk = async <T>(
  open: () => Promise<WatchedPage>,
  url: string,
  list: readonly string[],
  visit: (page: Page, place: string) => Promise<T[]>,
): Promise<{ told: T[]; troubles: string[] }> => {
  const waiting = [...list]
  const told: T[] = []
  const troubles: string[] = []
  const lane = async (): Promise<void> => {
    const opened = await open()
    for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
      await opened.page.goto(url + place)
      await settle(opened.page)
      told.push(...(await visit(opened.page, place)))
    }
    troubles.push(...opened.troubles)
    await opened.context.close()
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return { told, troubles }
}

/** A page is there when nothing in it waits any more. */
const settle = async (page: Page): Promise<void> => {
  await page.locator('main h1').first().waitFor()
  await expect.poll(() => page.locator('.wait').count()).toBe(0)
}

describe.skipIf(chromiumPath === undefined)('pages of the console (needs a Chromium on the PATH)', () => {
  let data: string
  let server: ServerProcess
  let browser: Browser
  let api: Api
  let remote: Server
  let state: Awaited<ReturnType<WatchedPage['context']['storageState']>>
  let secret: string
  const publish = (id: string, with_: string, body: unknown) =>
    fetch(`${server.url}/v1/devices/${id}/telemetry`, {
      method: 'POST',
      headers: { authorization: `Bearer ${with_}` },
      body: JSON.stringify(body),
    })
  const open = (options: Parameters<Browser['newContext']>[0] = {}, kept: Record<string, string> = {}) =>
    openPage(browser, server.url, { storageState: state, ...options }).then(async (opened) => {
      await opened.context.addInitScript((entries) => {
        for (const [key, value] of entries) localStorage.setItem(key, value)
      }, Object.entries(kept))
      return opened
    })

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-console-'))
    remote = createServer((_request, response) => response.writeHead(500).end('the remote is on fire\nmore'))
    await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve))
    const env = {
      PATCHBAY_ADMIN_USER: 'ada',
      PATCHBAY_ADMIN_PASSWORD: password,
      PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1',
    }
    server = await startServer({ data, env })
    browser = await startChromium()
    api = createApi(server.url)
    await api.post('/api/v1/types', {
      id: 'boiler',
      title: 'Boiler',
      keys: [{ key: 'temperature', kind: 'number', unit: '°C' }],
    })
    const register = async (n: number): Promise<void> => {
      const body = {
        id: `sensor-${String(n).padStart(2, '0')}`,
        name: `Boiler house ${n}`,
        type: 'boiler',
        tags: [n % 2 ? 'north' : 'south'],
      }
      const made = await api.post('/api/v1/devices', body)
      if (n === 1) secret = made.body.credentials.password
      if (n < 20)
        await publish(body.id, made.body.credentials.password, {
          temperature: 40 + n,
          pressure: 2 + n / 10,
          pump: n % 3 === 0,
        })
    }
    for (let n = 1; n <= 150; n += 10) await Promise.all(Array.from({ length: 10 }, (_each, at) => register(n + at)))
    await uploadPlugin(server.url, testKey, packFeed())
    await api.post('/api/v1/devices/sensor-01/certificates', {})
    await api.post('/api/v1/provisioning-keys', { name: 'Line 4', idPrefix: 'pump-', quota: 500 })
    const url = `http://127.0.0.1:${(remote.address() as AddressInfo).port}/hook`
    await api.put('/api/v1/channels/ops', {
      plugin: 'alert-webhook',
      config: { url, headers: [], contentType: 'application/json' },
    })
    await api.post('/api/v1/rules', {
      name: 'Too hot',
      scope: { types: ['boiler'] },
      levels: [
        { severity: 'critical', when: { all: [{ key: 'temperature', op: '>', value: 88 }] } },
        { severity: 'warning', when: 'temperature > 84.0' },
      ],
    })
    const now = Date.now()
    const history = Array.from({ length: 240 }, (_each, n) => ({
      ts: now - (240 - n) * 60_000,
      values: { temperature: 74 + 15 * Math.sin(n / 18) + Math.sin(n), pressure: 30 + 4 * Math.sin(n / 30) },
    }))
    await publish('sensor-01', secret, history)
    await publish('sensor-01', secret, { temperature: 91.5, pump: true })
    await publish('sensor-01', 'wrong', {})
    await api.patch('/api/v1/devices/sensor-01/shadow', { desired: { setpoint: 60, mode: 'auto' } })
    await api.post('/api/v1/devices/sensor-01/commands', { name: 'reboot', params: { delay: 5 }, timeoutSeconds: 600 })
    const { page, context } = await openPage(browser, server.url)
    await page.goto(`${server.url}/login`)
    await page.fill('input[name=user]', 'ada')
    await page.fill('input[name=password]', password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Hello, ada').waitFor()
    state = await context.storageState()
    await context.close()
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    remote?.close()
    await rm(data, { recursive: true, force: true })
  })

  test('every page in three themes: nothing fails, and axe finds nothing', { timeout: 180_000 }, async () => {
    const source = await readFile(axe, 'utf8')
    // Themes change colours and nothing else, so all rules are asked once and those of contrast in each theme.
    const { told, troubles } = await walk(
      () => open({ reducedMotion: 'reduce' }, { 'patchbay.theme': 'light' }),
      server.url,
      places,
      async (page, place) => {
        await page.evaluate(source)
        const violations: string[] = await page.evaluate(async () => {
          const found: string[] = []
          for (const theme of ['light', 'dark', 'contrast']) {
            ;(globalThis as any).document.documentElement.dataset['theme'] = theme
            const options = theme === 'light' ? {} : { runOnly: ['color-contrast'] }
            const { violations: list } = await (globalThis as any).axe.run({ resultTypes: ['violations'], ...options })
            for (const each of list) {
              const where = each.nodes.slice(0, 3).map((node: any) => node.html.slice(0, 160))
              found.push(`${theme} ${each.id} (${each.impact}): ${where.join(' | ')}`)
            }
          }
          return found
        })
        return violations.map((violation) => `${place} ${violation}`)
      },
    )
    expect(told).toEqual([])
    expect(troubles).toEqual([])
  })

  test('every page fits a screen of 360 px, in Chinese', { timeout: 120_000 }, async () => {
    const { told, troubles } = await walk(
      () =>
        open(
          { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
          { 'patchbay.locale': 'zh', 'patchbay.theme': 'dark' },
        ),
      server.url,
      places,
      async (page, place) =>
        (await page.evaluate('document.documentElement.scrollWidth > innerWidth')) ? [place] : [],
    )
    expect(told).toEqual([])
    expect(troubles).toEqual([])
  })

  test('the first route loads at most 200 kB of packed JavaScript', async () => {
    const { page, context } = await open()
    let bytes = 0
    page.on('response', async (response) => {
      if (!response.url().endsWith('.js')) return
      expect(response.headers()['content-encoding']).toBe('gzip')
      bytes += Number(response.headers()['content-length'])
    })
    await page.goto(server.url)
    await settle(page)
    expect(bytes).toBeGreaterThan(20_000)
    expect(bytes).toBeLessThan(200_000)
    await context.close()
  })

  test('what devices and people write is shown as it is, and nothing of it runs', { timeout: 60_000 }, async () => {
    const { page, troubles, context } = await open()
    for (const [n, text] of hostile.entries()) {
      const { secret: own } = await createDevice(api, `hostile-${n}`)
      await api.patch(`/api/v1/devices/hostile-${n}`, { name: text, tags: [text.slice(0, 60)] })
      await publish(`hostile-${n}`, own, { [text]: text })
    }
    await page.goto(`${server.url}/devices?search=hostile`)
    for (const text of hostile) await page.getByText(text, { exact: true }).first().waitFor()
    for (const [n, text] of hostile.entries()) {
      await page.goto(`${server.url}/devices/hostile-${n}`)
      await page.locator('.value', { hasText: text }).waitFor()
      expect(await page.title()).toBe('Devices · Patchbay')
    }
    expect(troubles).toEqual([])
    await context.close()
  })

  test('a search stands in the address and narrows 150 devices; the next page loads while scrolling', async () => {
    const { page, context } = await open()
    await page.goto(`${server.url}/devices`)
    await page.getByText('100 shown').waitFor()
    await page.locator('[role=table] [role=rowgroup][tabindex]').evaluate((box) => (box.scrollTop = box.scrollHeight))
    await page.getByText('in all').waitFor()
    expect(await page.locator('[role=row]').count()).toBeLessThan(60)
    await page.keyboard.press('/')
    await page.keyboard.type('sensor-99')
    await page.getByText('1 in all').waitFor()
    expect(page.url()).toBe(`${server.url}/devices?search=sensor-99`)
    await context.close()
  })

  test(
    'values change on the screen as they come, and the page comes back after a kill -9',
    { timeout: 60_000 },
    async () => {
      const { page, context } = await open()
      await page.goto(`${server.url}/devices/sensor-01`)
      await page.getByText('91.5').waitFor()
      await publish('sensor-01', secret, { temperature: 12.25 })
      await page.getByText('12.25').waitFor({ timeout: 2000 })
      const { port } = server
      await server.kill()
      await page.getByText('Live paused').waitFor({ timeout: 3000 })
      server = await startServer({
        data,
        env: { PATCHBAY_PORT: String(port), PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1' },
      })
      await page.getByText('Live paused').waitFor({ state: 'hidden', timeout: 15_000 })
      await publish('sensor-01', secret, { temperature: 13.75 })
      await page.getByText('13.75').waitFor({ timeout: 2000 })
      await context.close()
    },
  )

  test('a test of a channel tells what the remote really said, before anything is saved', async () => {
    const { page, troubles, context } = await open()
    await page.goto(`${server.url}/channels/new`)
    await page.getByRole('button', { name: 'Webhook' }).click()
    await page.getByLabel('Address').fill(`http://127.0.0.1:${(remote.address() as AddressInfo).port}/hook`)
    await page.locator('[data-test=test]').click()
    await page.locator('[data-test=answer]', { hasText: 'It was not taken' }).waitFor()
    await page.locator('[data-test=reply]', { hasText: /500[\s\S]*the remote is on fire/ }).waitFor()
    expect((await api.get('/api/v1/channels')).body.items).toHaveLength(2)
    await page.goto(`${server.url}/channels/new`)
    await page.getByRole('button', { name: 'E-mail' }).click()
    expect(await page.getByLabel('Port').inputValue()).toBe('587')
    expect(await page.getByLabel('Encryption').inputValue()).toBe('starttls')
    expect(troubles).toEqual([])
    await context.close()
  })

  test('a rule is tried on history, and what it would have raised is drawn on the values', async () => {
    const { page, troubles, context } = await open()
    await page.goto(`${server.url}/rules`)
    await page.getByRole('link', { name: 'Too hot' }).click()
    await page.locator('[data-test=preview]').click()
    await page.locator('[data-test=preview-result]', { hasText: /[1-9]\d* alerts? would have been raised/ }).waitFor()
    await page.locator('.preview canvas').waitFor()
    expect(await page.locator('[data-test=key]').inputValue(), 'the tree is edited as tests').toBe('temperature')
    expect(troubles).toEqual([])
    await context.close()
  })

  test('an alert is acknowledged by the keyboard alone', async () => {
    const { page, context } = await open()
    await publish('sensor-01', secret, { temperature: 95 })
    await expect.poll(async () => (await api.get('/api/v1/alerts?state=open')).body.items.length).toBeGreaterThan(0)
    await page.goto(`${server.url}/alerts`)
    await page.getByRole('link', { name: 'Too hot' }).first().waitFor()
    const before = (await api.get('/api/v1/alerts?state=open')).body.items.length
    await page.keyboard.press('j')
    await page.keyboard.press('e')
    await page.getByText('Acknowledged.').waitFor()
    expect((await api.get('/api/v1/alerts?state=open')).body.items).toHaveLength(before - 1)
    await context.close()
  })

  test('the palette goes to a device by the keyboard alone', async () => {
    const { page, context } = await open()
    await page.goto(server.url)
    await settle(page)
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').waitFor()
    await page.keyboard.type('house 117')
    await page.getByRole('option', { name: 'Boiler house 117' }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL('**/devices/sensor-117')
    await context.close()
  })

  test('another language is shown without loading the page again', async () => {
    const { page, context } = await open()
    await page.goto(`${server.url}/settings`)
    await page.evaluate(() => Reflect.set(globalThis, 'same', true))
    await page.getByText('简体中文').click()
    await page.getByRole('heading', { name: '设置' }).waitFor()
    expect(await page.evaluate(() => Reflect.get(globalThis, 'same'))).toBe(true)
    await context.close()
  })

  test('signing out in one tab ends the other within 2 s', { timeout: 30_000 }, async () => {
    await api.post('/api/v1/users', { id: 'tim', role: 'viewer', password })
    const { page, context } = await openPage(browser, server.url)
    await page.goto(`${server.url}/login`)
    await page.fill('input[name=user]', 'tim')
    await page.fill('input[name=password]', password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Hello, tim').waitFor()
    const other = await context.newPage()
    await other.goto(`${server.url}/devices`)
    await other.getByText('sensor-01').first().waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await other.waitForURL('**/login**', { timeout: 2000 })
    await context.close()
  })

  test('a viewer finds nothing that he may not do', { timeout: 60_000 }, async () => {
    await api.post('/api/v1/users', { id: 'vera', role: 'viewer', password })
    const { page, troubles: before, context } = await openPage(browser, server.url)
    await page.goto(`${server.url}/login`)
    await page.fill('input[name=user]', 'vera')
    await page.fill('input[name=password]', password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Hello, vera').waitFor()
    const signedIn = await context.storageState()
    await context.close()
    const { told, troubles } = await walk(
      () => openPage(browser, server.url, { storageState: signedIn }),
      server.url,
      places.filter((each) => !each.endsWith('new')),
      async (shown, place) => {
        const able: string[] = await shown.evaluate(() =>
          [...(globalThis as any).document.querySelectorAll('main button:enabled')].map(
            (button: any) => button.getAttribute('aria-label') ?? button.textContent?.trim() ?? '',
          ),
        )
        return able.filter((name) => forbidden.test(name)).map((name) => `${place} ${name}`)
      },
    )
    expect(told).toEqual([])
    expect([...before, ...troubles]).toEqual([])
  })

  test.runIf(process.env['PATCHBAY_TEST_SHOTS'])('pictures for the documentation', { timeout: 120_000 }, async () => {
    const pictures: [string, string][] = [
      ['home', '/'],
      ['devices', '/devices'],
      ['device', '/devices/sensor-01'],
      ['data', '/devices/sensor-01/data'],
      ['live', '/live'],
      ['alerts', '/alerts?state=all'],
      ['channel', '/channels/ops'],
      ['plugins', '/plugins'],
      ['system', '/system'],
    ]
    for (const theme of ['light', 'dark']) {
      const { page, context } = await open({ viewport: { width: 1200, height: 760 } }, { 'patchbay.theme': theme })
      const timer = setInterval(
        () => void publish('sensor-01', secret, { temperature: 70 + Math.random() * 5, pressure: 30 }),
        200,
      )
      for (const [name, place] of pictures) {
        await page.goto(server.url + place)
        await settle(page)
        if (name === 'data') await page.getByRole('button', { name: '6h' }).click()
        await page.waitForTimeout(1200) // a picture has no event to wait for
        await shoot(page, `${name}-${theme}`)
      }
      clearInterval(timer)
      await context.close()
    }
  })
})
