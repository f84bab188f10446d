import { createServer, type Server } from 'node:http'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { connectMqtt } from '../harness/mqtt-client.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'
import { chromiumPath, openPage, startChromium } from './browser-page.ts'
import { hostileTexts } from './hostile-text.ts'
import { signIn } from './signed-in.ts'

const person = { user: 'ada', password: 'correct horse battery' }
const form = new URL('../../../../console/src/form/', import.meta.url)

/** Which of the texts are neither on the page nor in one of its fields, letter by letter. */
const missing = (page: Page, texts: readonly string[]): Promise<string[]> =>
  page.evaluate<string[]>(`{
    const fields = [...document.querySelectorAll('input, textarea')].map(({ value }) => value)
    const shown = [document.body.textContent, ...fields].join('\\n')
    ;(${JSON.stringify(texts)}).filter((text) => !shown.includes(text))
  }`)

describe.skipIf(chromiumPath === undefined)('acceptance of the console (needs a Chromium on the PATH)', () => {
  let data: string
  let server: ServerProcess
  let browser: Browser
  let api: Api
  let remote: Server
  let state: Awaited<ReturnType<typeof signIn>>
  const open = () => openPage(browser, server.url, { storageState: state })

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-accept-'))
    remote = createServer((_request, response) => response.writeHead(200).end('taken'))
    await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve))
    server = await startServer({ data, env: { PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1' } })
    api = createApi(server.url)
    browser = await startChromium()
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    remote?.close()
    await rm(data, { recursive: true, force: true })
  })

  test('accept 1: a fresh platform asks for its owner, and two setups at once make exactly one', async () => {
    const { page, close } = await openPage(browser, server.url)
    await page.goto(server.url)
    await page.getByText('There is no owner yet').waitFor()
    await close()
    const stranger = createApi(server.url, 'no-key-of-this-platform-0123456789abcdef')
    for (const path of ['/devices', '/users', '/plugins', '/audit', '/jobs', '/rules'])
      expect((await stranger.get(`/api/v1${path}`)).status, path).toBe(401)
    await expect.poll(() => server.output()).toContain('#token=')
    const token = /#token=(\S+)/.exec(server.output())?.[1]
    const answers = await Promise.all(
      ['ada', 'eve'].map((user) =>
        fetch(`${server.url}/api/v1/setup`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ token, user, password: person.password }),
        }),
      ),
    )
    const good = answers.map(({ status }) => status < 300)
    expect(good.filter(Boolean)).toHaveLength(1)
    person.user = good[0] ? 'ada' : 'eve'
    expect((await api.get('/api/v1/users')).body.items).toHaveLength(1)
    state = await signIn(browser, server.url, person)
  })

  test('accept 10 and 11: a test of a channel is good only when the remote takes it, and names the error of the network', async () => {
    const { page, close } = await open()
    await page.goto(`${server.url}/channels/new`)
    await page.getByRole('button', { name: 'Webhook' }).click()
    const { port } = remote.address() as AddressInfo
    await page.getByLabel('Address').fill(`http://127.0.0.1:${port}/hook`)
    await page.locator('[data-test=test]').click()
    await page.locator('[data-test=answer]').waitFor()
    const good = await page.locator('[data-test=answer]').innerText()
    expect(good).not.toContain('It was not taken')
    // A port that nobody listens at: that of a server that has ended.
    const dead = createServer()
    await new Promise<void>((resolve) => dead.listen(0, '127.0.0.1', resolve))
    const { port: deadPort } = dead.address() as AddressInfo
    await new Promise((resolve) => dead.close(resolve))
    await page.getByLabel('Address').fill(`http://127.0.0.1:${deadPort}/hook`)
    await page.locator('[data-test=test]').click()
    await page.locator('[data-test=answer]', { hasText: 'It was not taken' }).waitFor()
    expect(await page.locator('main').innerText()).toMatch(/ECONNREFUSED|refused|cannot be reached/i)

    // accept 11: nothing was saved, and leaving asks.
    expect((await api.get('/api/v1/channels')).body.items.map(({ name }: { name: string }) => name)).not.toContain('')
    const asked = page.waitForEvent('dialog')
    const away = page.getByRole('link', { name: 'Rules', exact: true }).click()
    const dialog = await asked
    expect(dialog.message()).toContain('not saved')
    await dialog.dismiss()
    await away
    expect(page.url()).toContain('/channels/new')
    await close()
  })

  test(
    'accept 14: 60 schemas become the forms written down for them, and what they hold comes back unchanged',
    { timeout: 60_000 },
    async () => {
      const corpus: { name: string; schema: unknown; value: Record<string, unknown> }[] = JSON.parse(
        await readFile(new URL('corpus.json', form), 'utf8'),
      )
      const golden = await readFile(new URL('corpus.golden.txt', form), 'utf8')
      const expected = new Map(
        golden
          .trimEnd()
          .split('\n\n')
          .map((block) => {
            const [name = '', ...lines] = block.split('\n')
            return [
              name,
              lines.map((line) => line.slice(2).replace(/: (\w+) .*/s, ': $1')).filter((line) => line !== '(nothing)'),
            ]
          }),
      )
      expect(corpus.length).toBeGreaterThanOrEqual(60)
      const { page, close } = await open()
      await page.goto(`${server.url}/gallery`)
      await page.locator('[data-field=integer]').waitFor()
      // One round for all of them inside the page; the text is a program of the page.
      const seen = await page.evaluate<{ fields: string[]; json: string }[]>(`(async () => {
      const settle = () => new Promise((resolve) => setTimeout(resolve))
      const type = async (field, text) => {
        field.value = text
        field.dispatchEvent(new Event('input', { bubbles: true }))
        await settle()
      }
      const form = document.querySelector('[data-test=gallery-form]')
      const tab = async (n) => {
        form.querySelectorAll('.tabs button')[n].click()
        await settle()
      }
      const seen = []
      for (const { schema, value } of ${JSON.stringify(corpus)}) {
        await type(document.querySelector('textarea[name=schema]'), JSON.stringify(schema))
        await tab(1)
        await type(form.querySelector('textarea'), JSON.stringify(value))
        await tab(0)
        const fields = [...form.querySelectorAll('[data-field]')].slice(1)
        const shown = fields.map(({ dataset }) => dataset.field + ': ' + dataset.kind)
        await tab(1)
        seen.push({ fields: shown, json: form.querySelector('textarea').value })
        await tab(0)
      }
      return seen
    })()`)
      for (const [n, { name, value }] of corpus.entries()) {
        expect(seen[n]?.fields, name).toEqual(expected.get(name))
        expect(JSON.parse(seen[n]?.json ?? ''), name).toEqual(value)
      }
      await close()
    },
  )

  test('accept 14: errors of the platform stand on their field, a stored secret is kept, replaced or taken out', async () => {
    const { page, close } = await open()
    await page.goto(`${server.url}/gallery`)
    await page.getByLabel('Secrets are stored already').check()
    await page.getByLabel('Show an error on every field').check()
    const bad = page.locator('[data-field=host]')
    await bad.getByText('is refused').waitFor()
    expect(await bad.locator('input').getAttribute('aria-invalid')).toBe('true')
    expect(await page.getByLabel('Encryption').inputValue()).toBe('plain')
    expect(await page.locator('[data-field=tls]').count()).toBe(0)
    await page.getByLabel('Encryption').selectOption('tls')
    await page.locator('[data-field="tls.ca"]').waitFor()

    const sent = async (): Promise<Record<string, unknown>> =>
      JSON.parse((await page.locator('[data-test=gallery-value]').textContent()) ?? '')
    const secret = page.locator('[data-field=secret]')
    expect((await sent())['secret']).toEqual({ set: true })
    await secret.getByRole('button', { name: 'Change or clear' }).click()
    expect(Object.keys(await sent())).not.toContain('secret')
    await secret.locator('input').fill('fresh')
    expect((await sent())['secret']).toBe('fresh')
    await page.getByRole('button', { name: 'Changes' }).click()
    const changes = await page.locator('[data-test=gallery-form] pre').innerText()
    expect(changes).toContain('+ ')
    expect(changes).not.toContain('fresh')
    await page.getByRole('button', { name: 'Fields' }).click()
    await page.locator('[data-field=table]').getByRole('button', { name: 'Add' }).click()
    await page.locator('[data-field="table.0.name"] input').fill('t1')
    expect((await sent())['table']).toEqual([{ name: 't1', scale: 1, kind: 'input' }])
    await close()
  })

  test(
    'accept 16: 60 hostile texts as names, values, topics, payloads, tags and schemas are shown as they are',
    { timeout: 60_000 },
    async () => {
      expect(hostileTexts.length).toBeGreaterThanOrEqual(60)
      const { page, close } = await open()
      const device = await createDevice(api, 'hostile')
      const refused: string[] = []
      const names: string[] = []
      for (const [n, text] of hostileTexts.entries()) {
        const id = `hostile-${String(n).padStart(2, '0')}`
        const made = await api.post('/api/v1/devices', { id, name: text, tags: [text.slice(0, 64)] })
        if (made.status === 201) names.push(made.body.name)
        else {
          // Refused in words, and then it is nowhere.
          expect([made.status, made.body.code], text).toEqual([422, 'FIELD_INVALID'])
          refused.push(text)
          await api.post('/api/v1/devices', { id })
        }
        await api.post('/api/v1/messages', { topic: `lab/${n}`, payload: text, retain: true, qos: 1 })
      }
      expect(refused.length, refused.join('\n')).toBeLessThan(5)
      // A real client sends them as values, and as names of values.
      const client = await connectMqtt(server.port, device)
      const values = Object.fromEntries(hostileTexts.map((text, n) => [`key${n}`, text]))
      await client.mqtt.publishAsync('devices/hostile/telemetry', JSON.stringify(values), { qos: 1 })
      const texts = hostileTexts.filter((text) => text.length <= 128 && text !== '__proto__')
      await client.mqtt.publishAsync(
        'devices/hostile/telemetry',
        JSON.stringify(Object.fromEntries(texts.map((text) => [text, 1]))),
        { qos: 1 },
      )
      await api.post('/api/v1/rules', {
        name: hostileTexts[0],
        scope: { devices: ['hostile'] },
        levels: [{ severity: 'critical', when: 'key0 != "x"' }],
      })
      await client.mqtt.publishAsync('devices/hostile/telemetry', JSON.stringify(values), { qos: 1 })

      await page.goto(`${server.url}/devices?search=hostile-`)
      await page.getByText('in all').waitFor()
      const left = new Set(names)
      for (let n = 0; n < 8; n++) {
        for (const name of left) if (!(await missing(page, [name])).length) left.delete(name)
        await page.locator('[data-rows]').evaluate((box) => (box.scrollTop += 480))
        await page.waitForTimeout(50)
      }
      expect([...left], 'names').toEqual([])

      await page.goto(`${server.url}/devices/hostile`)
      await page.locator('.value').first().waitFor()
      await expect.poll(() => missing(page, hostileTexts), { message: 'values' }).toEqual([])

      await page.goto(`${server.url}/live`)
      await page.getByRole('button', { name: 'Show more' }).click()
      await expect.poll(() => missing(page, hostileTexts), { message: 'retained payloads' }).toEqual([])

      await page.goto(`${server.url}/gallery`)
      const properties = Object.fromEntries(
        hostileTexts.map((text, n) => [
          `f${n}`,
          { type: 'string', title: text, description: text, enum: [text], default: text },
        ]),
      )
      await page.locator('textarea[name=schema]').fill(JSON.stringify({ type: 'object', properties }))
      await expect.poll(() => page.locator('[data-field] label').count()).toBe(hostileTexts.length)
      expect(await missing(page, hostileTexts), 'titles of a schema').toEqual([])

      for (const place of [
        '/',
        '/alerts?state=all',
        '/rules',
        '/devices/hostile/data',
        '/devices/hostile/messages',
        '/devices/hostile-00',
        '/access/audit',
      ]) {
        await page.goto(server.url + place)
        await page.locator('main h1').first().waitFor()
        await expect.poll(() => page.locator('.wait').count()).toBe(0)
        expect(await page.title()).toMatch(/ · Patchbay$/)
        expect(
          await page.evaluate(
            'document.querySelectorAll("iframe, object, base, meta[http-equiv=refresh], main script, main form[action]").length',
          ),
          place,
        ).toBe(0)
      }
      await client.end()
      await close()
    },
  )
})
