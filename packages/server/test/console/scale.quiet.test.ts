import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'
import { chromiumPath, openPage, shoot, startChromium, type WatchedPage } from './browser-page.ts'
import { countFrames, heapMb, longestStall, longestTask, watchStalls, watchTasks } from './in-page.ts'
import { idOf, writeLargeFleet } from './large-fleet.ts'
import { signIn } from './signed-in.ts'

/** The budgets of the console at a hundred thousand devices; with PATCHBAY_TEST_LONG the ten minutes, else a short form. */
const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'
const devices = 100_000
const ratePerSecond = 1000
const tickMs = 10
const watchedSeconds = isLong ? 600 : 4
const person = { user: 'ada', password: 'correct horse battery' }
const report = (name: string, figures: Readonly<Record<string, number>>): void =>
  void process.stdout.write(
    `console: ${name}: ${Object.entries(figures)
      .map(([key, value]) => `${key} ${Math.round(value * 10) / 10}`)
      .join(', ')}\n`,
  )

describe.skipIf(chromiumPath === undefined)('the console at 100,000 devices (needs a Chromium on the PATH)', () => {
  let data: string
  let server: ServerProcess
  let browser: Browser
  let api: Api
  let state: Awaited<ReturnType<typeof signIn>>
  let sender: MqttClient
  let timer: ReturnType<typeof setInterval> | undefined
  const open = (): Promise<WatchedPage> => openPage(browser, server.url, { storageState: state })
  /** Updates of the first hundred devices, evenly, until `stopSending`. */
  const startSending = (): void => {
    let sent = 0
    const began = performance.now()
    timer = setInterval(() => {
      const due = ((performance.now() - began) * ratePerSecond) / 1000
      for (; sent < due; sent++)
        sender.publish(`devices/${idOf(sent % 100)}/telemetry`, `{"temperature":${sent % 1000}}`, { qos: 0 })
    }, tickMs)
  }
  const stopSending = (): void => clearInterval(timer)

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-scale-'))
    await writeLargeFleet(data, devices)
    const env = { PATCHBAY_ADMIN_USER: person.user, PATCHBAY_ADMIN_PASSWORD: person.password }
    server = await startServer({ data, env })
    browser = await startChromium()
    api = createApi(server.url)
    state = await signIn(browser, server.url, person)
    const { body } = await api.post('/api/v1/api-keys', { name: 'load', role: 'none', publish: ['devices/#'] })
    const login = { username: 'key', password: body.key, protocolVersion: 5 as const }
    sender = await mqtt.connectAsync(`mqtt://127.0.0.1:${server.port}`, login)
  }, 60_000)
  afterAll(async () => {
    stopSending()
    sender?.end(true)
    await browser?.close()
    await server?.kill()
    await rm(data, { recursive: true, force: true })
  })

  test('accept 5: the list shows its first rows in 500 ms and its last in 1.5 s, with few requests and elements', async () => {
    const { page, close } = await open()
    await page.goto(server.url)
    await page.getByText('Hello, ada').waitFor()
    const asked: string[] = []
    page.on('request', (request) => /api\/v1/.test(request.url()) && asked.push(request.url()))
    const [began, row] = [performance.now(), page.getByText(idOf(3), { exact: true })]
    await page.getByRole('link', { name: 'Devices', exact: true }).click()
    await row.waitFor()
    const opensMs = performance.now() - began
    expect(asked.length, asked.join(' ')).toBeLessThanOrEqual(3)
    const elements = await page.locator('*').count()

    await watchTasks(page)
    await page.locator('[data-rows]').focus()
    const jumped = performance.now()
    await page.keyboard.press('End')
    await page.getByText(idOf(devices - 1), { exact: true }).waitFor()
    const endMs = performance.now() - jumped
    // Up from the end: what comes above moves nothing.
    for (let n = 0; n < 12; n++) await page.keyboard.press('PageUp')
    await page.locator('.line.on', { hasText: idOf(devices - 1 - 12 * 12).slice(0, -2) }).waitFor()
    await page.keyboard.press('Home')
    await row.waitFor()

    const sorts: number[] = []
    const firsts = [
      ['name', 'Boiler house 000000'],
      ['-createdAt', `Boiler house 0${devices - 1}`],
      ['', 'Boiler house 000017'],
    ] as const
    for (const [sort, first] of firsts) {
      const chosen = performance.now()
      await page.getByLabel('Order').selectOption(sort)
      await page.locator('.space .line', { hasText: first }).waitFor()
      sorts.push(performance.now() - chosen)
    }
    const task = await longestTask(page)
    report('list of 100,000', { opensMs, endMs, sortMs: Math.max(...sorts), elements, longestTaskMs: task })
    expect(opensMs).toBeLessThan(500)
    expect(elements).toBeLessThan(2500)
    expect(endMs).toBeLessThan(1500)
    expect(Math.max(...sorts)).toBeLessThan(500)
    expect(task).toBeLessThan(100)
    await close()
  })

  test('accept 6: the first paint with data comes in 1.5 s, and a search in 300 ms', async () => {
    const { page, close } = await open()
    const began = performance.now()
    await page.goto(`${server.url}/devices`)
    await page.getByText(idOf(3), { exact: true }).waitFor()
    const paintMs = performance.now() - began
    const searches: number[] = []
    for (let n = 0; n < 20; n++) {
      const asked = performance.now()
      const { status, body } = await api.get(`/api/v1/devices?limit=100&search=sensor-0${990 + (n % 10)}`)
      searches.push(performance.now() - asked)
      expect([status, body.items.length]).toEqual([200, 100])
    }
    const searchP95Ms = searches.toSorted((a, b) => a - b)[18] ?? Number.NaN
    report('first paint', { paintMs, searchP95Ms })
    expect(paintMs).toBeLessThan(1500)
    expect(searchP95Ms).toBeLessThan(300)
    await close()
  })

  test(
    'accept 7: what is done to all of 10,000 devices that match says so before it is done',
    { timeout: isLong ? 600_000 : 30_000 },
    async () => {
      const { page, close } = await open()
      await page.goto(`${server.url}/devices?search=sensor-01`)
      await page.getByText('100 shown').waitFor()
      await page.getByLabel('Choose all that are shown').check()
      await page.getByRole('button', { name: 'Choose everything that matches' }).click()
      const began = performance.now()
      await page.getByRole('button', { name: 'Add a tag' }).click()
      await page.locator('[data-test=bulk-count]', { hasText: '10,000 devices' }).waitFor()
      const countMs = performance.now() - began
      if (isLong) {
        await page.fill('input[name=tag]', 'counted')
        await page.locator('[data-test=run-bulk]').click()
        const result = page.locator('[data-test=bulk-result]', { hasText: '10,000 of 10,000 done.' })
        await result.waitFor({ timeout: 500_000 })
      }
      report('all of 10,000', { countMs, allMs: performance.now() - began })
      await close()
    },
  )

  test(
    'accept 9: the list scrolls and the live page runs at 1,000 updates a second, without a long task and in the same memory',
    { timeout: (watchedSeconds * 2 + 60) * 1000 },
    async () => {
      startSending()
      const { page, context, close } = await open()
      const session = await context.newCDPSession(page)
      // Beside it, in a process of its own: where this one is kept waiting, too, it is the machine.
      const idle = await browser.newContext()
      const beside = await idle.newPage()
      await watchStalls(beside)
      for (const place of ['/devices', '/live']) {
        await page.goto(server.url + place)
        await page
          .getByText(place === '/live' ? 'sampled' : /temperature \d/)
          .first()
          .waitFor()
        await page.waitForTimeout(1000) // what a fresh page still loads and compiles is no part of it
        // A collection that was asked for is a long task itself, and none of the page's.
        const heaps = [await heapMb(session)]
        await page.waitForTimeout(200)
        await watchTasks(page)
        await longestStall(beside)
        const until = performance.now() + watchedSeconds * 1000
        let longest = 0
        let collected = performance.now()
        while (performance.now() < until) {
          if (place === '/devices') {
            await page.locator('[data-rows]').hover()
            for (let n = 0; n < 20; n++) await page.mouse.wheel(0, n < 10 ? 400 : -400)
          } else await page.waitForTimeout(500)
          longest = Math.max(longest, await longestTask(page))
          if (performance.now() - collected < 60_000) continue
          heaps.push(await heapMb(session))
          await page.waitForTimeout(200)
          await page.evaluate('void (tasks.length = 0)')
          collected = performance.now()
        }
        heaps.push(await heapMb(session))
        const half = heaps.slice(heaps.length >> 1)
        const [heapStartMb = 0, heapEndMb = 0] = [heaps[0], heaps.at(-1)]
        const idleStallMs = await longestStall(beside)
        report(place, { seconds: watchedSeconds, longestTaskMs: longest, idleStallMs, heapStartMb, heapEndMb })
        expect(longest).toBeLessThan(100)
        expect(heapEndMb - heapStartMb).toBeLessThan(30)
        // Flat: the later half does not climb over the earlier one.
        if (isLong) expect(Math.min(...half)).toBeLessThan(Math.max(...heaps.slice(0, heaps.length >> 1)) + 2)
      }
      await page.getByRole('button', { name: 'Pause' }).click()
      const text = await page.locator('ol.list li').first().innerText()
      await page.waitForTimeout(500)
      expect(await page.locator('ol.list li').first().innerText(), 'paused').toBe(text)
      stopSending()
      await idle.close()
      await close()
    },
  )

  test(
    'a chart of 10 series over 2 hours at 1 Hz follows the pointer at 50 pictures a second',
    { timeout: 60_000 },
    async () => {
      const { body } = await api.post('/api/v1/devices', { id: 'chart' })
      const [now, seconds] = [Date.now(), 7200]
      const batch = 100
      for (let from = 0; from < seconds; from += batch) {
        const points = Array.from({ length: batch }, (_each, at) => ({
          ts: now - (seconds - from - at) * 1000,
          values: Object.fromEntries(
            Array.from({ length: 10 }, (_key, k) => [
              `key${k}`,
              50 + 10 * k + 5 * Math.sin((from + at) / 90 + k) + (at % 7),
            ]),
          ),
        }))
        const answer = await fetch(`${server.url}/v1/devices/chart/telemetry`, {
          method: 'POST',
          headers: { authorization: `Bearer ${body.credentials.password}` },
          body: JSON.stringify(points),
        })
        expect(answer.status).toBe(204)
      }
      const { page, close } = await open()
      await page.goto(`${server.url}/devices/chart/data`)
      await page.getByRole('button', { name: '2h', exact: true }).click()
      const chart = page.locator('[data-test=chart] .u-over')
      await page.locator('[data-test=chart] .u-legend', { hasText: 'key9' }).waitFor()
      const box = await chart.boundingBox()
      if (!box) throw new Error('the chart has no place')
      await watchTasks(page)
      await page.keyboard.down('Shift')
      await page.mouse.move(box.x + box.width / 2, box.y + 80)
      await page.mouse.down()
      // Other work may disturb a second of it: the best of three.
      const hand = { x: box.x + box.width / 2, y: box.y + 80, reach: box.width / 3 }
      let fps = 0
      for (let tries = 0; tries < 3 && fps <= 50; tries++)
        fps = Math.max(fps, await countFrames(page, '[data-test=chart]', hand))
      await shoot(page, 'moved')
      const answered = page.waitForResponse((response) => response.url().includes('/telemetry?'))
      await page.mouse.move(box.x + box.width / 2 + 200, box.y + 80)
      await page.mouse.up()
      await page.keyboard.up('Shift')
      await answered
      const longest = await longestTask(page)
      report('chart', { fps, longestTaskMs: longest })
      expect(fps).toBeGreaterThan(50)
      await close()
    },
  )
})
