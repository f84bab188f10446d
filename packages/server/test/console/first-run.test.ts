import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasProton, python } from '../harness/proton.ts'
import { publishOnce } from '../harness/publish-once.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'
import { chromiumPath, openPage, shoot, startChromium } from './browser-page.ts'

/** Runs a program as a person would who copied it, and waits for its end. */
const run = (
  command: string,
  args: readonly string[],
  { input, folder, path = process.env['PATH'] ?? '' }: { input?: string; folder?: string; path?: string } = {},
): Promise<number | null> =>
  new Promise((resolve) => {
    const child = spawn(command, [...args], {
      stdio: ['pipe', 'ignore', 'inherit'],
      timeout: 20_000,
      env: { ...process.env, PATH: path },
      ...(folder === undefined ? {} : { cwd: folder }),
    })
    child.on('error', () => resolve(null))
    child.on('close', (code) => resolve(code))
    child.stdin.end(input)
  })

describe.skipIf(chromiumPath === undefined)('first run of the console (needs a Chromium on the PATH)', () => {
  let data: string
  let server: ServerProcess
  let browser: Browser
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-console-'))
    server = await startServer({ data })
    browser = await startChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    await rm(data, { recursive: true, force: true })
  })

  test(
    'accept 2 and 4: from the setup link to the first message and the alert from it, in 90 s',
    { timeout: 90_000 },
    async () => {
      const { page, context, close } = await openPage(browser, server.url)
      await page.goto(server.url)
      await page.getByText('There is no owner yet').waitFor()

      await expect.poll(() => server.output()).toContain('#token=')
      await page.goto(/http\S+#token=\S+/.exec(server.output())?.[0] ?? '')
      await page.fill('input[name=user]', 'ada')
      await page.fill('input[name=password]', 'correct horse battery')
      expect(page.url(), 'the token is out of the address bar').toBe(`${server.url}/setup`)
      await shoot(page, 'setup')
      await page.getByRole('button', { name: 'Create the owner' }).click()

      await page.getByText('Only programs on this machine can connect.').waitFor()
      await page.getByText('PATCHBAY_HOST=0.0.0.0 npm start').waitFor()
      const [ca] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'Download the CA' }).click(),
      ])
      expect(await readFile(await ca.path(), 'utf8')).toBe(await readFile(join(data, 'tls', 'ca.crt'), 'utf8'))
      await shoot(page, 'setup-network')
      await page.getByRole('link', { name: 'Go on to the first device' }).click()

      await page.getByRole('button', { name: 'Register the device' }).click()
      const secret = (await page.locator('[data-test=secret] pre').textContent()) ?? ''
      expect(secret.length).toBeGreaterThan(40)

      // Somebody with a wrong secret is told of, with the reason.
      await publishOnce({
        port: server.port,
        version: 5,
        username: 'boiler-1',
        password: 'wrong',
        topic: 'a',
        payload: '1',
      })
      await page.getByText('The secret is wrong or missing.').first().waitFor()
      await page.getByText('Waiting for the first message').waitFor()

      const topic = 'devices/boiler-1/telemetry'
      await publishOnce({
        port: server.port,
        version: 5,
        username: 'boiler-1',
        password: secret,
        topic,
        payload: '{"temperature":21.5}',
      })
      const sent = performance.now()
      await page.locator('[data-test=first-values]', { hasText: '21.5' }).waitFor()
      expect(performance.now() - sent).toBeLessThan(2000)
      await shoot(page, 'first-device')

      await page.getByRole('link', { name: 'Make an alert from it' }).click()
      await page.fill('input[name=name]', 'Too hot')
      await page.fill('[data-test=key]', 'temperature')
      await page.fill('[data-test=value]', '30')
      await page.locator('[data-test=preview]').click()
      await page.locator('[data-test=preview-result]', { hasText: '0 alerts would have been raised' }).waitFor()
      await page.getByRole('button', { name: 'Save', exact: true }).click()
      await page.waitForURL(/\/rules\/r-/)

      await page.goto(`${server.url}/alerts`)
      await page.getByText('No open alerts').waitFor()
      await publishOnce({
        port: server.port,
        version: 5,
        username: 'boiler-1',
        password: secret,
        topic,
        payload: '{"temperature":31.5}',
      })
      await page.locator('[data-test=fresh]', { hasText: '1 new alert' }).click()
      await page.getByRole('link', { name: 'Too hot' }).click()
      await page.getByRole('button', { name: 'Acknowledge', exact: true }).click()
      await page.fill('input[name=comment]', 'looking at it')
      await page.getByRole('button', { name: 'Send', exact: true }).click()
      await page.getByText('looking at it').waitFor()

      // Home says what is worth doing next, by what there is.
      await page.goto(server.url)
      const steps = page.locator('[data-test=next-steps]')
      await steps.getByText('1 of 5 done').waitFor()
      await steps.getByRole('link', { name: 'Connect a second device' }).waitFor()
      await steps.getByRole('button', { name: 'Hide this list' }).click()
      await steps.waitFor({ state: 'detached' })
      await context.storageState({ path: join(data, 'state.json') })
      await close()
    },
  )

  test(
    'accept 3: each snippet that can be run here is taken from the page, run, and its message comes',
    { timeout: 90_000 },
    async () => {
      const { page, close } = await openPage(browser, server.url, {
        storageState: join(data, 'state.json'),
      })
      // What a person has after the lines that begin with `npm install` and `curl -O`.
      const folder = join(data, 'snippets')
      await mkdir(join(folder, 'bin'), { recursive: true })
      await symlink(new URL('../../node_modules', import.meta.url).pathname, join(folder, 'node_modules'))
      await writeFile(join(folder, 'patchbay.proto'), await (await fetch(`${server.url}/v1/patchbay.proto`)).text())
      const has = async (program: string) => (await run('sh', ['-c', `command -v ${program}`])) === 0
      // Some systems name the client by what it can.
      if ((await has('coap-client-notls')) && !(await has('coap-client')))
        await writeFile(join(folder, 'bin', 'coap-client'), '#!/bin/sh\nexec coap-client-notls "$@"\n', { mode: 0o755 })
      const path = `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`
      const shell = (text: string) => run('sh', ['-c', text], { folder, path })
      const node = (text: string) => run(process.execPath, ['--input-type=module', '-'], { input: text, folder })
      type Run = [string, string, (text: string) => Promise<number | null>, needs?: string]
      const runs: Run[] = [
        ['MQTT', 'Shell', shell, 'mosquitto_pub'],
        ['MQTT', 'Node.js', node],
        ['HTTP', 'Shell', shell, 'curl'],
        ['HTTP', 'Node.js', node],
        ['WebSocket', 'Node.js', node],
        ['CoAP', 'Shell', shell, 'coap-client-notls'],
        ['gRPC', 'Node.js', node],
        ...(hasProton
          ? [['AMQP', 'Python', (text: string) => run(python, ['-'], { input: text, folder })] satisfies Run]
          : []),
      ]
      for (const [protocol, language, start, needs] of runs) {
        if (needs !== undefined && !(await has(needs))) continue
        const id = `${protocol}-${language}`.replaceAll(/\W/g, '-')
        await page.goto(`${server.url}/devices/new`)
        await page.fill('input[name=id]', id)
        await page.getByRole('button', { name: 'Register the device' }).click()
        await page.getByRole('tab', { name: protocol }).click()
        const tongue = page.getByRole('button', { name: language, exact: true })
        if (await tongue.count()) await tongue.click()
        expect(await start((await page.locator('[data-test=snippet] pre').textContent()) ?? ''), id).toBe(0)
        await page.locator('[data-test=first-values]', { hasText: '21.5' }).waitFor({ timeout: 2000 })
      }
      await close()
    },
  )
})
