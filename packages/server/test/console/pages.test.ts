import { createServer, type Server } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { connectMqtt } from '../harness/mqtt-client.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'
import { choose, loadAxe, violationsOf } from './axe.ts'
import { answered, chromiumPath, nobodyThere, openPage, shoot, startChromium } from './browser-page.ts'
import { fillPlatform, publishOver } from './small-fleet.ts'
import { signIn, type SignedIn } from './signed-in.ts'

const password = 'correct horse battery'
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
  '/plugins/sink-file/delivery',
  '/plugins/source-amqp/delivery',
  '/jobs',
  '/system',
  '/system/nodes',
  '/access/users',
  '/access/roles',
  '/access/keys',
  '/access/rules',
  '/access/provisioning',
  '/access/certificates',
  '/access/refusals',
  '/access/audit',
  '/gallery',
  '/settings',
  '/setup/network',
]
/** What a viewer may not do, by the names of the buttons. */
const forbidden =
  /^(Delete|Save|Edit|New |Revoke|Add a |Disable|Restart|Send the command|Install|Remove the plugin|Issue|Switch o|Upgrade|Throw)/

/** Names of protocols, and of what is in the platform: they are the same in every language. */
const notOurs = ['TLS', 'default', 'files', 'rabbit']
/** In the pseudo language every text of ours stands in brackets. These parts of a page say our own words and nothing else. */
const untranslated = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(`
    [...document.querySelectorAll('h2, th, [role=columnheader], .legend, .empty p, .empty h2, nav .place > .grow, button.button.main')]
      .filter((each) => !each.closest('[data-field], .foot') && each.children.length === 0)
      .map((each) => each.textContent.trim())
      .filter((text) => /[A-Za-z]{2}/.test(text) && !text.startsWith('[') && !${JSON.stringify(notOurs)}.includes(text))
  `)

/** What a screen reader could not say: an icon's button without a name of its own, a long list without its rows counted. */
const unnamed = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(`[
    ...[...document.querySelectorAll('button, a[href]')]
      .filter((each) => each.textContent.trim() === '' && !each.getAttribute('aria-label'))
      .map((each) => 'no name: ' + each.outerHTML.slice(0, 120)),
    ...[...document.querySelectorAll('[role=table]')]
      .filter((each) => !/^(-1|[1-9][0-9]*)$/.test(each.getAttribute('aria-rowcount') ?? ''))
      .map((each) => 'no count of rows: ' + each.getAttribute('aria-label')),
    ...[...document.querySelectorAll('[role=table] [data-rows] [role=row]')]
      .filter((each) => !(Number(each.getAttribute('aria-rowindex')) >= 2))
      .map((each) => 'no place in the list: ' + each.textContent.slice(0, 60)),
  ]`)

/** A page is there when nothing in it waits any more. */
const settle = async (page: Page): Promise<void> => {
  await page.locator('main h1').first().waitFor()
  await page.locator('.wait').first().waitFor({ state: 'detached' })
}

describe.skipIf(chromiumPath === undefined)('pages of the console (needs a Chromium on the PATH)', () => {
  let data: string
  let server: ServerProcess
  let browser: Browser
  let api: Api
  let remote: Server
  let state: SignedIn
  let secret: string
  const publish = (id: string, with_: string, body: unknown) => publishOver(server.url, id, with_, body)
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
    const url = `http://127.0.0.1:${(remote.address() as AddressInfo).port}/hook`
    secret = await fillPlatform(server.url, url)
    state = await signIn(browser, server.url, { user: 'ada', password })
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    remote?.close()
    await rm(data, { recursive: true, force: true })
  })

  /** Does the work for each of the places, in three tabs at once. */
  const inTabs = async <T>(
    list: readonly T[],
    work: (page: Page, each: T) => Promise<void>,
    storageState = state,
  ): Promise<void> => {
    const left = [...list]
    const walk = async (): Promise<void> => {
      // Colours change at once, or axe would measure one on its way.
      const { page, context, close } = await open({ reducedMotion: 'reduce', storageState })
      await loadAxe(context)
      for (let each = left.shift(); each !== undefined; each = left.shift()) await work(page, each)
      await close()
    }
    await Promise.all([walk(), walk(), walk()])
  }

  test(
    'accept 17, 18 and 19: every page in three themes, three widths and three languages: nothing fails, axe finds nothing, nothing is cut',
    { timeout: 180_000 },
    async () => {
      const found: string[] = []
      await inTabs(places, async (page, place) => {
        await page.setViewportSize({ width: 1440, height: 900 })
        await page.goto(server.url + place)
        await settle(page)
        found.push(...(await violationsOf(page, `${place} light`)))
        found.push(...(await unnamed(page)).map((each) => `${place}: ${each}`))
        // Themes differ in nothing but colours, so that everything is asked once wide and once narrow.
        await choose(page, 'theme', 'contrast')
        await page.setViewportSize({ width: 768, height: 1024 })
        found.push(...(await violationsOf(page, `${place} contrast 768`, ['color-contrast'])))
        await choose(page, 'theme', 'dark')
        await page.setViewportSize({ width: 360, height: 740 })
        found.push(...(await violationsOf(page, `${place} dark 360`)))
        await choose(page, 'theme', 'light')
        for (const locale of ['pseudo', 'zh']) {
          await choose(page, 'locale', locale)
          if (await page.evaluate('document.documentElement.scrollWidth > innerWidth'))
            found.push(`${place} ${locale} is wider than 360 px`)
          if (locale === 'pseudo') found.push(...(await untranslated(page)).map((text) => `${place} says ${text}`))
        }
        await choose(page, 'locale', 'en')
      })
      expect(found).toEqual([])
    },
  )

  test('accept 17: every dialog passes axe in three themes, and closes by Escape', { timeout: 60_000 }, async () => {
    const button = (name: string) => (page: Page) => page.locator('main').getByRole('button', { name }).first().click()
    const dialogs: [string, (page: Page) => Promise<void>][] = [
      ['/', (page) => page.keyboard.press('Control+k')],
      ['/', (page) => page.keyboard.press('?')],
      ['/devices', button('Import CSV')],
      ['/devices/sensor-01', button('Delete')],
      ['/devices/sensor-01/access', button('Revoke')],
      ['/channels/ops', button('Delete')],
    ]
    const found: string[] = []
    await inTabs(dialogs, async (page, [place, show]) => {
      await page.goto(server.url + place)
      await settle(page)
      await show(page)
      await page.locator('dialog[open]').waitFor()
      found.push(...(await violationsOf(page, `${place} dialog`)))
      for (const theme of ['dark', 'contrast']) {
        await choose(page, 'theme', theme)
        found.push(...(await violationsOf(page, `${place} dialog ${theme}`, ['color-contrast'])))
      }
      await choose(page, 'theme', 'light')
      await page.keyboard.press('Escape')
      await page.locator('dialog[open]').waitFor({ state: 'detached' })
    })
    expect(found).toEqual([])
  })

  test.concurrent('the first route loads at most 200 kB of packed JavaScript', async () => {
    const { page, close } = await open()
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
    await close()
  })

  test.concurrent('accept 6: a search stands in the address and narrows 150 devices; the next page loads while scrolling', async () => {
    const { page, context, close } = await open()
    await page.goto(`${server.url}/devices`)
    await page.getByText('100 shown').waitFor()
    await page.locator('[role=table] [role=rowgroup][tabindex]').evaluate((box) => (box.scrollTop = box.scrollHeight))
    await page.getByText('in all').waitFor()
    expect(await page.locator('[role=row]').count()).toBeLessThan(60)
    await page.keyboard.press('/')
    await page.keyboard.type('sensor-99')
    await page.getByText('1 in all').waitFor()
    expect(page.url()).toBe(`${server.url}/devices?search=sensor-99`)
    // Its address shows the same in another tab.
    const other = await context.newPage()
    await other.goto(page.url())
    await other.getByText('1 in all').waitFor()
    expect(await other.locator('input[type=search]').inputValue()).toBe('sensor-99')
    await close()
  })

  test.concurrent('accept 10 and 11: a test of a channel tells what the remote really said, before anything is saved', async () => {
    const { page, close } = await open()
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
    await close()
  })

  test.concurrent('a rule is tried on history, and what it would have raised is drawn on the values', async () => {
    const { page, close } = await open()
    await page.goto(`${server.url}/rules`)
    await page.getByRole('link', { name: 'Too hot' }).click()
    await page.locator('[data-test=preview]').click()
    await page.locator('[data-test=preview-result]', { hasText: /[1-9]\d* alerts? would have been raised/ }).waitFor()
    await page.locator('.preview canvas').waitFor()
    expect(await page.locator('[data-test=key]').inputValue(), 'the tree is edited as tests').toBe('temperature')
    await close()
  })

  test.concurrent(
    'accept 12: a new alert waits above the list, which does not move; it is acknowledged and written of by the keyboard alone',
    { timeout: 30_000 },
    async () => {
      const { page, close } = await open()
      const openNow = async () => (await api.get('/api/v1/alerts?state=open')).body.items.length
      await vi.waitFor(async () => expect(await openNow()).toBeGreaterThan(0), 5000)
      await page.goto(`${server.url}/alerts`)
      await page.getByRole('link', { name: 'Too hot' }).first().waitFor()
      const rows = () => page.locator('[data-rows] [role=row]').allInnerTexts()
      const names = async () => (await rows()).map((text) => text.replace(/\d+×[\s\S]*/, ''))
      const before = await names()
      const made = await api.post('/api/v1/devices', { id: 'late-1', type: 'boiler' })
      const client = await connectMqtt(server.port, { id: 'late-1', secret: made.body.credentials.password })
      await client.mqtt.publishAsync('devices/late-1/telemetry', '{"temperature":99}', { qos: 1 })
      await page.locator('[data-test=fresh]', { hasText: '1 new alert' }).waitFor({ timeout: 2000 })
      expect(await names()).toEqual(before)
      await client.end()

      const count = await openNow()
      await page.keyboard.press('j')
      await page.keyboard.press('e')
      await page.getByText('Acknowledged.').waitFor()
      expect(await openNow()).toBe(count - 1)
      await page.locator('[data-rows]').focus()
      await page.keyboard.press('Enter')
      await page.waitForURL('**/alerts/*')
      const comment = page.locator('input[name=comment]')
      await comment.waitFor()
      for (let tabs = 0; tabs < 60; tabs++) {
        if (await comment.evaluate((each: any) => each === each.ownerDocument.activeElement)) break
        await page.keyboard.press('Tab')
      }
      await page.keyboard.type('a valve was stuck')
      await page.keyboard.press('Enter')
      await page.locator('ol li', { hasText: 'a valve was stuck' }).waitFor()
      await close()
    },
  )

  test.concurrent('the palette goes to a device by the keyboard alone', async () => {
    const { page, close } = await open()
    await page.goto(server.url)
    await settle(page)
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').waitFor()
    await page.keyboard.type('house 117')
    await page.getByRole('option', { name: 'Boiler house 117' }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL('**/devices/sensor-117')
    await close()
  })

  test.concurrent(
    'accept 17: every place of the menu is reached by Tab and Enter alone, and the focus is always seen',
    { timeout: 60_000 },
    async () => {
      const { page, close } = await open({ reducedMotion: 'reduce' })
      await page.goto(server.url)
      await settle(page)
      // The first stop leads over the menu to the page.
      await page.keyboard.press('Tab')
      expect(await page.locator('.skip').evaluate((each: any) => each === each.ownerDocument.activeElement)).toBe(true)
      const count = await page.locator('nav.side a.place').count()
      expect(count).toBeGreaterThanOrEqual(12)
      const seen = () =>
        page.evaluate<string>(`{
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement)
        const { width, height } = document.activeElement.getBoundingClientRect()
        const isSeen = width > 0 && height > 0 && ((outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none')
        isSeen ? '' : document.activeElement.outerHTML.slice(0, 120)
      }`)
      const dark: string[] = []
      for (let n = 0; n < count; n++) {
        const link = page.locator('nav.side a.place').nth(n)
        const to = (await link.getAttribute('href')) ?? ''
        for (let tabs = 0; tabs < 40; tabs++) {
          dark.push(await seen())
          if (await link.evaluate((each: any) => each === each.ownerDocument.activeElement)) break
          await page.keyboard.press('Tab')
        }
        await page.keyboard.press('Enter')
        await page.waitForURL(server.url + to)
      }
      expect(dark.filter(Boolean)).toEqual([])
      await close()
    },
  )

  test.concurrent('accept 19: another language is shown without loading the page again, with its dates', async () => {
    const { page, close } = await open()
    await page.goto(`${server.url}/settings`)
    await page.evaluate(() => Reflect.set(globalThis, 'same', true))
    await page.getByText('简体中文').click()
    await page.getByRole('heading', { name: '设置' }).waitFor()
    expect(await page.evaluate(() => Reflect.get(globalThis, 'same'))).toBe(true)
    await page.goto(`${server.url}/devices/sensor-01`)
    const time = page.locator('dd time').last()
    await time.waitFor()
    expect(await time.innerText(), 'ages follow the language').toMatch(/前|刚|现在/)
    expect(await time.getAttribute('title'), 'and so do dates').toMatch(/年\d+月\d+日/)
    await close()
  })

  test.concurrent('accept 20: signing out in one tab ends the other within 2 s', { timeout: 30_000 }, async () => {
    await api.post('/api/v1/users', { id: 'tim', role: 'viewer', password })
    const { page, context, close } = await openPage(browser, server.url, {
      storageState: await signIn(browser, server.url, { user: 'tim', password }),
    })
    await page.goto(server.url)
    await page.getByText('Hello, tim').waitFor()
    const other = await context.newPage()
    await other.goto(`${server.url}/devices`)
    await other.getByText('sensor-01').first().waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await other.waitForURL(`${server.url}/login?to=/devices`, { timeout: 2000 })
    // Both stand at the sign-in before they are closed: a browser that is told to end a page while it loads another may forget it.
    for (const each of [page, other]) await each.locator('input[name=user]').waitFor()
    await close(answered(401))
  })

  test('accept 20: a viewer finds nothing that he may not do', { timeout: 60_000 }, async () => {
    await api.post('/api/v1/users', { id: 'vera', role: 'viewer', password })
    const viewer = await signIn(browser, server.url, { user: 'vera', password })
    const able: string[] = []
    const readable = places.filter((each) => !each.endsWith('new'))
    await inTabs(
      readable,
      async (page, place) => {
        await page.goto(server.url + place)
        await settle(page)
        const names = await page
          .locator('main button:enabled')
          .evaluateAll((list: any[]) => list.map((each) => each.getAttribute('aria-label') ?? each.textContent.trim()))
        able.push(...names.filter((name) => forbidden.test(name)).map((name) => `${place} ${name}`))
      },
      viewer,
    )
    expect(able).toEqual([])
    const asked = await fetch(`${server.url}/api/v1/devices`, {
      method: 'POST',
      headers: { cookie: viewer.cookies.map(({ name, value }) => `${name}=${value}`).join('; '), origin: server.url },
      body: '{}',
    })
    expect(asked.status, 'the platform decides for itself').toBe(403)
  })

  test(
    'accept 8: values change on the screen as they come, and the page comes back by itself after a kill -9',
    { timeout: 60_000 },
    async () => {
      const { page, close } = await open()
      await page.goto(`${server.url}/devices/sensor-01`)
      await settle(page)
      await publish('sensor-01', secret, { temperature: 12.25 })
      await page.getByText('12.25').waitFor({ timeout: 2000 })
      await page.evaluate('void (globalThis.same = true)')
      const tiles = await page.locator('.tile').count()
      const stale = page.locator('.tile.stale')
      expect(await stale.count()).toBe(0)
      const { port } = server
      await server.kill()
      await page.getByText('Live paused').waitFor({ timeout: 3000 })
      expect(await stale.count(), 'what cannot be known now is told as what it was').toBe(tiles)
      server = await startServer({
        data,
        env: { PATCHBAY_PORT: String(port), PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1' },
      })
      await page.getByText('Live paused').waitFor({ state: 'hidden', timeout: 5000 })
      await publish('sensor-01', secret, { temperature: 13.75 })
      await page.getByText('13.75').waitFor({ timeout: 2000 })
      expect([await page.locator('.tile').count(), await stale.count()], 'nothing twice').toEqual([tiles, 0])
      expect(await page.evaluate('globalThis.same'), 'and not loaded again').toBe(true)
      await close(nobodyThere)
    },
  )

  test.runIf(process.env['PATCHBAY_TEST_SHOTS'])('pictures for the documentation', { timeout: 120_000 }, async () => {
    const [rule] = (await api.get('/api/v1/rules')).body.items
    for (const [n, temperature] of [91, 86, 93, 85.5, 89].entries()) {
      const made = await api.post('/api/v1/devices', { id: `kiln-${n}`, name: `Kiln ${n + 1}`, type: 'boiler' })
      await publish(`kiln-${n}`, made.body.credentials.password, { temperature })
    }
    const pictures: [string, string, ((page: Page) => Promise<unknown>)?][] = [
      ['home', '/', (page) => page.waitForTimeout(12_000)], // the rate is that of the last ten seconds
      ['devices', '/devices'],
      ['data', '/devices/sensor-01/data', (page) => page.getByRole('button', { name: '6h' }).click()],
      ['live', '/live'],
      ['alerts', '/alerts?state=all'],
      ['rule', `/rules/${rule.id}`, (page) => page.locator('[data-test=preview]').click()],
      ['channel', '/channels/ops', (page) => page.locator('[data-test=test]').click()],
      ['plugins', '/plugins'],
      ['jobs', '/jobs'],
      ['system', '/system'],
      ['access', '/access/roles'],
    ]
    for (const theme of ['light', 'dark']) {
      const { page, close } = await open({ viewport: { width: 1200, height: 760 } }, { 'patchbay.theme': theme })
      const timer = setInterval(
        () =>
          void publish('sensor-01', secret, { temperature: Math.round(700 + Math.random() * 50) / 10, pressure: 30 }),
        200,
      )
      for (const [name, place, work] of pictures) {
        await page.goto(server.url + place)
        await settle(page)
        await work?.(page)
        await page.waitForTimeout(1200) // a picture has no event to wait for
        await page.evaluate('scrollTo(0, 0)')
        await shoot(page, `${name}-${theme}`)
      }
      clearInterval(timer)
      await close()
    }
  })
})
