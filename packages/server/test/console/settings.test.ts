import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { makeAuthority, makeServerCertificate } from '../../src/tls/certificate-maker.ts'
import { type Api, createApi, createDevice } from '../harness/api.ts'
import { packFeed } from '../harness/packed-plugin.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'
import { findViolations, loadAxe } from './axe.ts'
import { chromiumPath, openPage, shoot, startChromium } from './browser-page.ts'
import { signIn } from './signed-in.ts'

const person = { user: 'ada', password: 'correct horse battery' }

/** What a self-hoster settles by hand instead of by variables of the start, on one platform. */
describe.skipIf(chromiumPath === undefined)('settings by the console (needs a Chromium on the PATH)', () => {
  let folder: string
  let data: string
  let server: ServerProcess
  let browser: Browser
  let api: Api
  let state: Awaited<ReturnType<typeof signIn>>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'patchbay-console-'))
    data = join(folder, 'data')
    server = await startServer({
      data,
      env: {
        PATCHBAY_ADMIN_USER: person.user,
        PATCHBAY_ADMIN_PASSWORD: person.password,
        PATCHBAY_BACKUPS: join(folder, 'backups'),
        PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1',
      },
    })
    browser = await startChromium()
    api = createApi(server.url)
    state = await signIn(browser, server.url, person)
  })
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    await rm(folder, { recursive: true, force: true })
  })

  /** A page of its own; at its end nothing may have gone wrong in it. */
  const walk = async (work: (page: Page) => Promise<void>, permitted?: RegExp): Promise<void> => {
    const { page, context, close } = await openPage(browser, server.url, { storageState: state })
    await loadAxe(context)
    await work(page)
    await close(permitted)
  }

  test.concurrent('a plugin is approved at host level in so many words, and taken back', { timeout: 60_000 }, () =>
    walk(async (page) => {
      const upload = async (bytes: Buffer): Promise<void> => {
        await page.goto(`${server.url}/plugins`)
        await page.locator('[data-test=install]').click()
        const file = { name: 'feed.tgz', mimeType: 'application/gzip', buffer: bytes }
        await page.locator('dialog input[type=file]').setInputFiles(file)
      }
      // One that can live in a worker is offered both, the safe one first.
      await upload(packFeed())
      const level = page.locator('[data-test=level]')
      await level.getByText('At host level nothing contains it').waitFor()
      expect(await level.locator('input[value=worker]').isChecked()).toBe(true)
      await level.locator('input[value=host]').check()
      await page.locator('dialog').getByText('the platform’s own thread', { exact: true }).waitFor()
      await findViolations(page, 'plugin-level')
      await level.scrollIntoViewIfNeeded()
      await shoot(page, 'plugin-level')
      await page.locator('[data-test=approve]').click()
      await page.getByText('is installed.').waitFor()
      expect((await api.get('/api/v1/plugins/acme-feed')).body.level).toBe('host')

      await page.goto(`${server.url}/plugins/acme-feed`)
      await page.getByRole('link', { name: 'host level' }).click()
      await page.getByText('It runs at host level').waitFor()
      await findViolations(page, 'plugin-versions')
      await shoot(page, 'plugin-versions')
      await page.getByRole('button', { name: 'Withdraw host level' }).click()
      await page.locator('dialog').getByRole('button', { name: 'Withdraw host level' }).click()
      await page.getByText('runs in a thread of its own.').first().waitFor()
      expect((await api.get('/api/v1/plugins/acme-feed')).body.level).toBe('worker')
      await page.getByRole('button', { name: 'Approve at host level' }).waitFor()
      await api.delete('/api/v1/plugins/acme-feed')

      // One that cannot: nothing is chosen, so nothing can be approved in passing.
      await upload(packFeed({ id: 'acme-door', manifest: { needs: { services: ['sessions', 'door'] } } }))
      await level.getByText('It needs door').waitFor()
      expect(await page.locator('[data-test=approve]').isDisabled()).toBe(true)
      await level.locator('input[value=host]').check()
      await page.locator('[data-test=approve]').click()
      await page.getByText('is installed.').waitFor()
      await page.goto(`${server.url}/plugins/acme-door/versions`)
      await page.getByText('the approval ends only with the plugin').waitFor()
      expect(await page.getByRole('button', { name: 'Withdraw host level' }).count()).toBe(0)
    }),
  )

  test.concurrent('a backup is begun, comes to its end, and is deleted', { timeout: 60_000 }, () =>
    walk(async (page) => {
      await page.goto(`${server.url}/system/backups`)
      await page.getByText('No backup yet').waitFor()
      await page.getByRole('button', { name: 'Back up now' }).click()
      await page.locator('.backups .badge.good').waitFor({ timeout: 40_000 })
      const { items } = (await api.get('/api/v1/system/backups')).body
      expect(items).toMatchObject([{ state: 'done' }])
      await page.getByText(`npm run restore -- ${join(folder, 'backups')}/${items[0].id}`).waitFor()
      // One that lasts: here they are over before they can be looked at.
      await page.route(/api\/v1\/system\/backups/, (route) =>
        route.fulfill({
          json: {
            items: [
              {
                id: '20261125T183000Z',
                state: 'running',
                startedAt: items[0].at,
                progress: 0.42,
                remainingSeconds: 185,
              },
              ...items,
            ],
          },
        }),
      )
      await page.getByText('42% · about 4 mins left').waitFor()
      await findViolations(page, 'backups')
      await shoot(page, 'backups')
      await page.unroute(/api\/v1\/system\/backups/)
      await page.getByText('about 4 mins left').waitFor({ state: 'detached' })
      await page.getByRole('button', { name: `Delete ${items[0].id}` }).click()
      await page.locator('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
      await page.getByText('No backup yet').waitFor()
      expect((await api.get('/api/v1/system/backups')).body.items).toEqual([])
    }),
  )

  test.concurrent('what was copied into the store is shown with its counts and hash', { timeout: 60_000 }, () =>
    walk(async (page) => {
      const copied = { at: '2026-11-25T18:00:00.000Z', points: 4_980_818, documents: 1_005, sha256: '57'.repeat(32) }
      await page.route('**/api/v1/system/storage', async (route) => {
        const answer = await route.fetch()
        await route.fulfill({ response: answer, json: { ...(await answer.json()), copied } })
      })
      await page.goto(`${server.url}/system`)
      await page.getByText('4,980,818 points and 1,005 documents').waitFor()
      await findViolations(page, 'copied')
      await shoot(page, 'copied')
    }),
  )

  test.concurrent(
    'the configuration is put in after a look at what it would change, and taken out',
    { timeout: 60_000 },
    () =>
      walk(async (page) => {
        await page.goto(`${server.url}/system/configuration`)
        const document = page.locator('#document')
        await document.fill('types: [')
        await page.locator('[data-test=plan]').click()
        await page.getByText('The body is not YAML').waitFor()
        await document.fill('types:\n  - { id: boiler, title: Boiler }\ndevices:\n  - { id: boiler-9, type: boiler }\n')
        await page.locator('[data-test=plan]').click()
        const outcome = page.locator('[data-test=outcome]')
        await outcome.getByText('What would change').waitFor()
        await outcome.getByText('boiler-9').first().waitFor()
        expect((await api.get('/api/v1/devices/boiler-9')).status, 'a plan changes nothing').toBe(404)
        await findViolations(page, 'configuration')
        await shoot(page, 'configuration')
        // Another text needs another look.
        await document.press('End')
        await document.pressSequentially('\n')
        await page.locator('[data-test=apply-document]').waitFor({ state: 'detached' })
        await page.locator('[data-test=plan]').click()
        await page.locator('[data-test=apply-document]').click()
        await outcome.getByText('What has changed').waitFor()
        const secret = (await outcome.locator('pre').textContent()) ?? ''
        const { status } = await fetch(`${server.url}/v1/devices/boiler-9/telemetry`, {
          method: 'POST',
          headers: { authorization: `Bearer ${secret}` },
          body: '{"temperature":20}',
        })
        expect(status, 'the secret that is shown once is the device’s').toBe(204)
        const [file] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('link', { name: 'Export as YAML' }).click(),
        ])
        expect(await readFile(await file.path(), 'utf8')).toContain('boiler-9')
      }, /^400: \S+\/apply|^console: Failed to load resource: the server responded with a status of 400/),
  )

  test.concurrent('what a sink’s target refused is looked at, mended and sent again', { timeout: 60_000 }, () =>
    walk(async (page) => {
      let strict = true
      const bodies: string[] = []
      const target = createServer((request, response) => {
        let body = ''
        request.on('data', (chunk: Buffer) => (body += String(chunk)))
        request.on('end', () => {
          const fits = !strict || !body.includes('"temperature":95')
          if (fits) bodies.push(body)
          response.writeHead(fits ? 200 : 422).end(fits ? 'ok' : 'a temperature of 95 is too hot')
        })
      })
      target.listen(0, '127.0.0.1')
      await once(target, 'listening')
      const { port } = target.address() as AddressInfo
      const { secret } = await createDevice(api, 'oven-1')
      await page.goto(`${server.url}/plugins/sink-webhook/delivery`)
      await page.getByText('A sink with an instance copies readings').waitFor()
      await api.put('/api/v1/plugins/sink-webhook/instances/main', {
        select: { devices: ['oven-1'] },
        delivery: { wait: '50ms' },
        config: { url: `http://127.0.0.1:${port}/` },
      })
      const headers = { authorization: `Bearer ${secret}` }
      for (const temperature of [20, 95])
        await fetch(`${server.url}/v1/devices/oven-1/telemetry`, {
          method: 'POST',
          headers,
          body: JSON.stringify({ temperature }),
        })
      const card = page.locator('[data-test=delivery]')
      await card.getByText('is too hot').first().waitFor()
      await card.getByRole('button', { name: 'Show them' }).click()
      await card.getByText('{"temperature":95}').waitFor()
      await findViolations(page, 'delivery')
      await shoot(page, 'delivery')
      await card.getByRole('button', { name: 'Edit' }).click()
      await card.locator('textarea').fill('{"temperature": 59}')
      await card.getByRole('button', { name: 'Save' }).click()
      await card.getByText('edited').waitFor()
      await card.getByRole('button', { name: 'Send all of them again' }).click()
      await card.getByText('1 taken, 0 refused again').waitFor()
      await card.getByText('None: the target has taken all').waitFor()
      expect(bodies.join()).toContain('"temperature":59')

      strict = false
      await card.getByRole('combobox', { name: 'From when' }).selectOption('beginning')
      await card.getByRole('button', { name: 'Send again' }).click()
      await page.locator('dialog').getByRole('button', { name: 'Send again' }).click()
      await vi.waitFor(() => expect(bodies.join()).toContain('"temperature":95'), { timeout: 10_000 })

      // Its form keeps what it selects, and adds to it.
      await page.goto(`${server.url}/plugins/sink-webhook`)
      await page.getByRole('button', { name: 'Configure' }).click()
      await page.locator('[data-test=selection] summary').click()
      expect(await page.inputValue('input[name=select-devices]')).toBe('oven-1')
      await page.fill('input[name=select-keys]', 'temperature, pressure')
      await findViolations(page, 'sink form')
      await page.getByRole('button', { name: 'Save', exact: true }).click()
      await page.getByText('Saved.').waitFor()
      const { body } = await api.get('/api/v1/plugins/sink-webhook/instances/main')
      expect(body).toMatchObject({
        select: { devices: ['oven-1'], keys: ['temperature', 'pressure'] },
        delivery: { wait: '50ms' },
      })
      target.close()
    }),
  )

  test('who can connect, protocols, TLS and what waits for a restart are settled by hand', { timeout: 60_000 }, () =>
    walk(async (page) => {
      const listeners = async (): Promise<any[]> => (await api.get('/api/v1/system/listeners')).body.items
      await page.goto(`${server.url}/system`)
      await page.getByRole('link', { name: 'Network and TLS' }).click()
      await page.getByText('Only programs on this machine can connect.').waitFor()
      await findViolations(page, 'network')
      await shoot(page, 'network')

      // Open to the network: at once, with the connection of this very page kept.
      const reach = page.locator('[data-test=reach]')
      await reach.locator('input[value=everywhere]').check()
      await page.locator('[data-test=plain] input[value=private]').check()
      await page.getByText('cross the network in clear text').waitFor()
      await page.locator('[data-test=apply]').click()
      await page.getByText('Devices of the network can connect.').waitFor()
      const { items, addresses } = (await api.get('/api/v1/system/settings')).body
      const everywhere = addresses.some((each: string) => each.includes(':')) ? '::' : '0.0.0.0'
      expect(new Set((await listeners()).map(({ address }) => address))).toEqual(new Set([everywhere]))
      const valueOf = (name: string) => items.find((each: any) => each.name === name).value
      expect([valueOf('PATCHBAY_HOST'), valueOf('PATCHBAY_PLAIN')]).toEqual([everywhere, 'private'])
      // Its own certificate now names the addresses that devices will use, so they believe it there.
      const ca = await readFile(join(data, 'tls', 'ca.crt'), 'utf8')
      const believes = (host: string): Promise<boolean> =>
        new Promise((resolve, reject) => {
          const socket = connect({ host, port: server.port, ca }, () => {
            resolve(socket.authorized)
            socket.destroy()
          }).on('error', reject)
        })
      for (const address of addresses) expect([address, await believes(address)]).toEqual([address, true])

      // A protocol off and on again.
      const mqtt = page.locator('[data-test=protocols] li', { hasText: 'MQTT' })
      await mqtt.getByRole('button', { name: 'Disable MQTT' }).click()
      await page.locator('dialog').getByRole('button', { name: 'Disable' }).last().click()
      await mqtt.getByText('stopped').waitFor()
      await mqtt.getByRole('button', { name: 'Enable MQTT' }).click()
      await mqtt.getByText('running').waitFor()

      // A certificate of one's own: the wrong key is told in words, the right one is shown at once.
      const tls = page.locator('[data-test=tls]')
      const authority = await makeAuthority(Date.now(), 30)
      const [pair, foreign] = await Promise.all(
        [1, 2].map(() => makeServerCertificate(authority, ['iot.example.org'], Date.now(), 20)),
      )
      await tls.getByRole('button', { name: 'Use your own certificate' }).click()
      await tls.locator('#tls-certificate').fill(pair?.cert ?? '')
      const key = { name: 'server.key', mimeType: 'application/x-pem-file' }
      await tls.locator('[data-test=key-file]').setInputFiles({ ...key, buffer: Buffer.from(foreign?.key ?? '') })
      await tls.locator('[data-test=upload-pair]').click()
      await tls.getByText('The key belongs to another certificate').waitFor()
      await findViolations(page, 'upload')
      await tls.scrollIntoViewIfNeeded()
      await shoot(page, 'network-upload')
      await tls.locator('[data-test=key-file]').setInputFiles({ ...key, buffer: Buffer.from(pair?.key ?? '') })
      await tls.locator('[data-test=upload-pair]').click()
      await tls.getByText('Your own, uploaded here.').waitFor()
      await tls.getByText('iot.example.org').waitFor()
      expect((await api.get('/api/v1/system/tls')).body.source).toBe('uploaded')
      await tls.getByRole('button', { name: 'Go back to the self-made one' }).click()
      await page.locator('dialog').getByRole('button', { name: 'Go back to the self-made one' }).click()
      await tls.getByText('Self-made, by the authority').waitFor()

      // What cannot change while it runs says so, and what the environment settles is not offered.
      const start = page.locator('[data-test=start-settings]')
      expect(await start.locator('input[name=PATCHBAY_PORT]').isDisabled()).toBe(true)
      await start.getByText('PATCHBAY_PORT is set in the environment').waitFor()
      await start.locator('input[name=PATCHBAY_PUBLIC_URL]').fill('https://iot.example.org')
      await start.getByRole('button', { name: 'Store for the next start' }).click()
      await start.getByText('waiting for a restart: PATCHBAY_PUBLIC_URL').waitFor()
      await page.locator('[data-test=settings]').getByText('next: https://iot.example.org').waitFor()
      await findViolations(page, 'waiting')
      await page.evaluate('scrollTo(0, 0)')
      await shoot(page, 'network-open')

      await reach.locator('input[value=local]').check()
      await page.locator('[data-test=plain] input[value=loopback]').check()
      await page.locator('[data-test=apply]').click()
      await page.getByText('Only programs on this machine can connect.').waitFor()
      expect(new Set((await listeners()).map(({ address }) => address))).toEqual(new Set(['127.0.0.1']))
    }, /^422: \S+\/system\/tls$|^console: Failed to load resource: the server responded with a status of 422/),
  )

  test('in the first run the same is one step', { timeout: 30_000 }, () =>
    walk(async (page) => {
      await page.goto(`${server.url}/setup/network`)
      await page.getByText('Only programs on this machine can connect.').waitFor()
      await page.locator('[data-test=protocols] li', { hasText: 'MQTT' }).waitFor()
      await findViolations(page, 'setup-network')
      await shoot(page, 'setup-network')
    }),
  )
})
