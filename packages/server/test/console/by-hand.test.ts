import { mkdtemp, readFile, rm } from 'node:fs/promises'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { packFeed } from '../harness/packed-plugin.ts'
import { type ServerProcess, startServer, testKey } from '../harness/server-process.ts'
import { makeSigningRequest } from '../harness/signing-request.ts'
import { answered, chromiumPath, openPage, startChromium } from './browser-page.ts'
import { signIn, type SignedIn } from './signed-in.ts'

const password = 'correct horse battery'

/** What an admin does by hand, from the first click to what the platform made of it: all at once on one platform. */
describe.skipIf(chromiumPath === undefined)('the console by hand (needs a Chromium on the PATH)', () => {
  let data: string
  let server: ServerProcess
  let browser: Browser
  let api: Api
  let state: SignedIn
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-console-'))
    const env = { PATCHBAY_ADMIN_USER: 'ada', PATCHBAY_ADMIN_PASSWORD: password }
    server = await startServer({ data, env })
    browser = await startChromium()
    api = createApi(server.url)
    state = await signIn(browser, server.url, { user: 'ada', password })
  })
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    await rm(data, { recursive: true, force: true })
  })

  /** A page of its own; at its end nothing may have gone wrong in it. */
  const walk = async (work: (page: Page) => Promise<void>, permitted?: RegExp): Promise<void> => {
    const { page, close } = await openPage(browser, server.url, { storageState: state })
    await work(page)
    await close(permitted)
  }
  const upload = (page: Page, bytes: Uint8Array): Promise<void> =>
    page.locator('dialog input[type=file]').setInputFiles({
      name: 'feed.tgz',
      mimeType: 'application/gzip',
      buffer: Buffer.from(bytes),
    })

  test.concurrent('a plugin is looked at, installed, upgraded, rolled back and removed', { timeout: 60_000 }, () =>
    walk(
      async (page) => {
        await page.goto(`${server.url}/plugins`)
        await page.locator('[data-test=install]').click()
        await upload(page, Buffer.from('no archive'))
        await page.getByText('The archive cannot be read').waitFor()
        await upload(page, packFeed())
        await page.getByText('lets devices in and takes their messages').waitFor()
        expect((await api.get('/api/v1/plugins/acme-feed')).body.state, 'nothing runs before it is approved').toBe(
          'staged',
        )
        await page.locator('[data-test=approve]').click()
        await page.getByText('acme-feed 1.0.0 is installed.').waitFor()

        await page.goto(`${server.url}/plugins/acme-feed`)
        await page.getByRole('button', { name: 'Add an instance' }).click()
        await page.locator('[data-test=test]').click()
        await page.getByText('This plugin offers no test.').waitFor()
        await page.getByRole('button', { name: 'Save', exact: true }).click()
        await page.getByText('running').first().waitFor()
        await page.getByRole('button', { name: 'Disable' }).click()
        await page.getByText('default is disabled.').waitFor()
        await page.getByRole('button', { name: 'Enable' }).click()
        await page.getByText('default is enabled.').waitFor()

        await page.getByRole('link', { name: 'Versions' }).click()
        await page.getByRole('button', { name: 'Upload another version' }).click()
        const wider = { needs: { services: ['sessions'], connect: ['tcp:*:502'] } }
        await upload(page, packFeed({ version: '1.1.0', manifest: wider }))
        await page.locator('[data-test=wider]', { hasText: '1 permission more than 1.0.0' }).first().waitFor()
        await page.locator('dialog [data-test=approve]').click()
        await page.getByText('runs as 1.1.0.').waitFor()
        await page.getByRole('button', { name: 'Roll back to 1.0.0' }).click()
        await page.locator('dialog').getByRole('button', { name: 'Roll back to 1.0.0' }).click()
        await page.getByText('runs as 1.0.0 again.').waitFor()
        await page.getByRole('button', { name: 'Remove the plugin' }).click()
        await page.locator('[data-test=remove]').click()
        await page.waitForURL('**/plugins')
        expect((await api.get('/api/v1/plugins/acme-feed')).status).toBe(404)
      },
      answered(422, '/api/v1/plugins$'),
    ),
  )

  test.concurrent('a plugin that fails says why in its log', { timeout: 60_000 }, () =>
    walk(async (page) => {
      const headers = {
        authorization: `Bearer ${testKey}`,
        'content-type': 'application/gzip',
      }
      const body = new Uint8Array(packFeed({ id: 'acme-broken', broken: true }))
      await fetch(`${server.url}/api/v1/plugins?approve=true`, { method: 'POST', headers, body })
      await api.put('/api/v1/plugins/acme-broken/instances/default', { config: {} })
      await page.goto(`${server.url}/plugins/acme-broken`)
      await page.getByRole('link', { name: 'Log of default' }).click()
      await page.getByText('the new gears are stuck').first().waitFor()
      await page.getByLabel('Level').selectOption('error')
      await page.getByText('the start failed').first().waitFor()
      expect(page.url()).toContain('instance=default')
    }),
  )

  test.concurrent('a provisioning key is shown once, lets a device in, and is switched off', { timeout: 60_000 }, () =>
    walk(async (page) => {
      const ask = (key: string, deviceId: string) =>
        fetch(`${server.url}/v1/provision`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
          body: JSON.stringify({ deviceId }),
        })
      await page.goto(`${server.url}/access/provisioning`)
      await page.getByRole('button', { name: 'New provisioning key' }).click()
      await page.fill('input[name=key-name]', 'Line 4')
      await page.fill('input[name=prefix]', 'pump-')
      await page.fill('input[name=quota]', '5')
      await page.locator('dialog').getByRole('button', { name: 'New provisioning key' }).click()
      const key = (await page.locator('[data-test=provisioning-key] pre').textContent()) ?? ''
      await page.locator('dialog').getByRole('button', { name: 'Close' }).last().click()
      expect((await ask(key, 'pump-1')).status).toBe(200)
      expect((await ask(key, 'valve-1')).status, 'another prefix').toBe(403)
      await page.reload()
      await page.getByText('1 of 5 devices').waitFor()
      await page.getByRole('button', { name: 'Switch off' }).click()
      await page.getByText('Line 4 opens nothing any more.').waitFor()
      expect((await ask(key, 'pump-2')).status).toBeGreaterThanOrEqual(400)
      await page.getByRole('link', { name: 'Its devices' }).click()
      await page.getByRole('link', { name: 'pump-1' }).waitFor()
      await page.getByText('1 in all').waitFor()
    }),
  )

  test.concurrent('certificates are issued whole and from a request, work, and are revoked', { timeout: 60_000 }, () =>
    walk(async (page) => {
      await createDevice(api, 'meter-1')
      await page.goto(`${server.url}/devices/meter-1/access`)
      await page.getByRole('button', { name: 'Issue a certificate' }).click()
      await page.locator('dialog').getByRole('button', { name: 'Issue a certificate' }).click()
      const read = async (name: string) => (await page.locator(`[data-test=${name}] pre`).textContent()) ?? ''
      const whole = { cert: await read('certificate'), key: await read('certificate-key') }
      const ca = await readFile(join(data, 'tls', 'ca.crt'))
      const post = (login: { cert: string; key: string }): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          const path = '/v1/devices/meter-1/telemetry'
          const how = { host: 'localhost', port: server.port, path, method: 'POST', agent: false, ca, ...login }
          const request = https.request(how, (response) => resolve(response.resume().statusCode))
          request.on('error', reject).end('{"flow": 12}')
        })
      expect(await post(whole)).toBe(204)
      await page.locator('dialog').getByRole('button', { name: 'Close' }).last().click()

      const { csr, key } = await makeSigningRequest()
      await page.getByRole('button', { name: 'Renew' }).click()
      await page.getByLabel('On the device').check()
      await page.getByLabel('Signing request (PEM)').first().fill(csr)
      await page.locator('dialog').getByRole('button', { name: 'Issue a certificate' }).click()
      expect(await post({ cert: await read('certificate'), key })).toBe(204)
      expect(await page.locator('[data-test=certificate-key]').count()).toBe(0)

      await page.goto(`${server.url}/access/certificates?device=meter-1&status=valid`)
      const rows = page.getByRole('button', { name: 'Revoke the certificate of meter-1' })
      for (const last of [1, 0]) {
        await rows.nth(last).click()
        await page.locator('dialog').getByRole('button', { name: 'Revoke' }).click()
        await rows.nth(last).waitFor({ state: 'detached' })
      }
      expect(await post(whole)).toBe(403)
      await page.goto(`${server.url}/devices/meter-1/log`)
      await page.getByText('CERTIFICATE_REVOKED').first().waitFor()
      await page.getByRole('button', { name: 'Presence and sessions' }).click()
      await page.getByText('A message or ping came.').waitFor()
    }),
  )

  test.concurrent('many devices are changed at once, also those that are not on the screen', { timeout: 60_000 }, () =>
    walk(async (page) => {
      const csv = [
        'id,name,type,tags',
        ...Array.from({ length: 130 }, (_each, n) => `fleet-${n},Fleet ${n},default,old`),
      ]
      const headers = { authorization: `Bearer ${testKey}`, 'content-type': 'text/csv' }
      await fetch(`${server.url}/api/v1/devices/import`, { method: 'POST', headers, body: csv.join('\n') })
      const tagged = async (tag: string) => (await api.get(`/api/v1/devices?tag=${tag}&limit=200`)).body.items.length

      await page.goto(`${server.url}/devices?tag=old`)
      await page.getByText('100 shown').waitFor()
      await page.getByLabel('Choose all that are shown').check()
      await page.locator('[data-test=chosen]', { hasText: '100 chosen' }).waitFor()
      await page.getByRole('button', { name: 'Choose everything that matches' }).click()
      await page.getByRole('button', { name: 'Add a tag' }).click()
      await page.fill('input[name=tag]', 'new')
      await page.locator('[data-test=run-bulk]').click()
      await page.locator('[data-test=bulk-result]', { hasText: '130 of 130 done.' }).waitFor()
      expect(await tagged('new')).toBe(130)
      await page.locator('dialog').getByRole('button', { name: 'Close' }).last().click()

      await page.getByRole('button', { name: 'Save this view' }).click()
      await page.fill('input[name=view]', 'Old ones')
      await page.locator('dialog').getByRole('button', { name: 'Save' }).click()
      await page.getByText('Columns').first().click()
      await page.getByRole('checkbox', { name: 'Tags' }).check()
      await page.goto(`${server.url}/devices`)
      await page.getByRole('columnheader', { name: 'Tags' }).waitFor()
      await page.getByRole('button', { name: 'Old ones' }).click()
      await page.waitForURL('**/devices?tag=old')
      await page.getByText('100 shown').waitFor()

      await page.locator('[role=row]').getByRole('checkbox').nth(1).check()
      await page.getByRole('button', { name: 'Delete' }).click()
      await page.locator('[data-test=run-bulk]').click()
      await page.locator('[data-test=bulk-result]', { hasText: '1 of 1 done.' }).waitFor()
      expect(await tagged('old')).toBe(129)
    }),
  )

  test.concurrent(
    'two people change one document: both see what differs, and nothing is lost',
    { timeout: 60_000 },
    () =>
      walk(async (page) => {
        await createDevice(api, 'shared-1')
        const rule = { name: 'Too cold', levels: [{ severity: 'warning', when: 'temperature < 5.0' }] }
        const { id } = (await api.post('/api/v1/rules', rule)).body
        const ruleNow = async () => (await api.get(`/api/v1/rules/${id}`)).body

        await page.goto(`${server.url}/rules/${id}`)
        await page.fill('input[name=name]', 'Mine')
        await api.patch(`/api/v1/rules/${id}`, { name: 'Theirs' })
        await page.getByRole('button', { name: 'Save', exact: true }).click()
        const conflict = page.locator('[data-test=conflict]')
        await conflict.getByText('"name": "Theirs"').waitFor()
        await conflict.getByText('"name": "Mine"').waitFor()
        expect((await ruleNow()).name).toBe('Theirs')
        await page.locator('[data-test=keep-mine]').click()
        await page.getByRole('heading', { name: 'Mine' }).waitFor()
        expect((await ruleNow()).name).toBe('Mine')

        await page.goto(`${server.url}/devices/shared-1`)
        await page.getByRole('button', { name: 'Edit' }).click()
        await page.getByLabel('Name').fill('My name')
        await page.locator('input[name=tags]').fill('mine,other')
        await page.locator('input[name=tags]').press('Enter')
        await api.patch('/api/v1/devices/shared-1', { name: 'Their name' })
        await page.getByText('Their name').first().waitFor()
        await page.getByRole('button', { name: 'Save', exact: true }).click()
        await conflict.getByText('"name": "Their name"').waitFor()
        await page.locator('[data-test=take-theirs]').click()
        await conflict.waitFor({ state: 'detached' })
        expect((await api.get('/api/v1/devices/shared-1')).body).toMatchObject({ name: 'Their name', tags: [] })
      }, answered(412)),
  )
})
