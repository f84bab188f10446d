import { spawn } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'
import { arduinoStubs } from './arduino-stubs.ts'
import { chromiumPath, openPage, startChromium } from './browser-page.ts'
import { signIn } from './signed-in.ts'

const person = { user: 'ada', password: 'correct horse battery' }
const id = 'boiler-1'
/** Over DTLS a snippet has a gap for a key that the page cannot know. */
const withGap = 'THE-PRE-SHARED-KEY'
const runMs = 20_000

interface Taken {
  name: string
  protocol: string
  language: string
  text: string
}

interface Ended {
  code: number | null
  output: string
}

/** Runs a program as a person would who copied it, and waits for its end. */
const run = (command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(command, [...args], { cwd, env: { ...process.env, ...env }, timeout: runMs })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)))
    child.on('error', (error) => resolve({ code: null, output: error.message }))
    child.on('close', (code) => resolve({ code, output }))
    child.stdin.end()
  })

describe.skipIf(chromiumPath === undefined)('snippets of the first device (needs a Chromium on the PATH)', () => {
  let folder: string
  let server: ServerProcess
  let browser: Browser
  let api: Api
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'patchbay-snippets-'))
    const env = { PATCHBAY_ADMIN_USER: person.user, PATCHBAY_ADMIN_PASSWORD: person.password }
    ;[server, browser] = await Promise.all([startServer({ data: join(folder, 'data'), env }), startChromium()])
    api = createApi(server.url)
    // Libraries that the snippets say to install are found as after that.
    await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'))
    await copyFile(join(folder, 'data', 'tls', 'ca.crt'), join(folder, 'patchbay-ca.pem'))
  })
  afterAll(async () => {
    await browser?.close()
    await server?.kill()
    await rm(folder, { recursive: true, force: true })
  })

  /** Every snippet that the page shows, tab by tab. */
  const takeAll = async (page: Page): Promise<Taken[]> => {
    const taken: Taken[] = []
    for (const tab of await page.getByRole('tab').all()) {
      await tab.click()
      for (const button of await page.getByRole('group', { name: 'Language' }).getByRole('button').all()) {
        await button.click()
        const [protocol, language] = [await tab.innerText(), await button.innerText()]
        const text = (await page.locator('[data-test=snippet] pre').textContent()) ?? ''
        taken.push({ name: `${protocol} ${language}`, protocol, language, text })
      }
    }
    return taken
  }

  const isThere = async (program: string): Promise<boolean> =>
    (await run('sh', ['-c', `command -v ${program}`], folder)).code === 0
  /** Which of these libraries this machine's Python has. */
  const findPython = async (names: readonly string[]): Promise<string[]> => {
    const code = 'import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n)])'
    const { code: exit, output } = await run('python3', ['-c', code, 'json', ...names], folder)
    return exit === 0 ? output.trim().split(/\s+/) : []
  }

  /** Runs what can be run here, all at once, and counts the readings that came; answers the names of what cannot. */
  const runAll = async (taken: readonly Taken[]): Promise<string[]> => {
    const libraries = ['paho', 'websocket', 'proton', 'grpc', 'grpc_tools']
    const python = new Set(await findPython(libraries))
    const programs = new Set<string>()
    for (const program of ['mosquitto_pub', 'curl', 'coap-client']) if (await isThere(program)) programs.add(program)
    const leftOut: string[] = []
    const started: Promise<[string, Ended]>[] = []
    const countPoints = async (): Promise<number> =>
      (await api.get(`/api/v1/devices/${id}/telemetry?raw=true&keys=temperature`)).body.items.length
    const before = await countPoints()
    for (const { name, protocol, language, text } of taken) {
      const [program = ''] = text.replace(/^#.*\n/, '').split(/\s/)
      const needs = libraries.filter((library) => new RegExp(`^(import|from) ${library}\\b`, 'm').test(text))
      if (protocol === 'gRPC' && language === 'Python') needs.push('grpc_tools')
      const can =
        !text.includes(withGap) &&
        (language === 'Shell'
          ? programs.has(program)
          : language === 'Python'
            ? python.has('json') && needs.every((library) => python.has(library))
            : language === 'Node.js')
      if (!can) {
        leftOut.push(name)
        continue
      }
      const own = join(folder, name.replaceAll(/\W/g, '-'))
      started.push(
        (async (): Promise<[string, Ended]> => {
          await mkdir(own, { recursive: true })
          await copyFile(join(folder, 'patchbay-ca.pem'), join(own, 'patchbay-ca.pem'))
          // What the first lines tell to fetch.
          const fetches = /^(?:\/\/|#) (curl .*)$/m.exec(text)?.[1]
          if (fetches) await run('sh', ['-c', fetches], own)
          const [file, command] =
            language === 'Shell'
              ? ['a.sh', 'sh']
              : language === 'Python'
                ? ['a.py', 'python3']
                : ['a.mjs', process.execPath]
          await writeFile(join(own, file), text)
          const env = text.includes('NODE_EXTRA_CA_CERTS') ? { NODE_EXTRA_CA_CERTS: 'patchbay-ca.pem' } : {}
          return [name, await run(command, [file], own, env)]
        })(),
      )
    }
    const ended = await Promise.all(started)
    expect(ended.filter(([, { code }]) => code !== 0)).toEqual([])
    expect((await countPoints()) - before, ended.map(([name]) => name).join(', ')).toBe(ended.length)
    console.log(`run: ${ended.map(([name]) => name).join(', ')}; not here: ${leftOut.join(', ')}`)
    return leftOut
  }

  const arduinoOf = async (taken: readonly Taken[], secret: string, tls: boolean): Promise<void> => {
    const sketches = taken.filter(({ language }) => language === 'Arduino')
    expect(sketches.map(({ protocol }) => protocol)).toEqual(['MQTT', 'HTTP'])
    const [mqtt = '', http = ''] = sketches.map(({ text }) => text)
    expect(mqtt).toContain(`client.setServer("127.0.0.1", ${server.port});`)
    expect(mqtt).toContain(`client.connect("${id}", "${id}", "${secret}")`)
    expect(mqtt).toContain(`client.publish("devices/${id}/telemetry", "{\\"temperature\\": 21.5}");`)
    const scheme = tls ? 'https' : 'http'
    expect(http).toContain(`http.begin(network, "${scheme}://127.0.0.1:${server.port}/v1/devices/${id}/telemetry");`)
    expect(http).toContain(`"Bearer ${secret}"`)
    expect(mqtt.includes('BEGIN CERTIFICATE') && mqtt.includes('network.setCACert(CA)')).toBe(tls)
    if (!(await isThere('g++'))) return
    // No board's compiler is here: that the text is C++ which uses the libraries as they are declared can be seen all the same.
    const own = join(folder, `arduino-${scheme}`)
    await mkdir(own)
    for (const [name, text] of Object.entries(arduinoStubs)) await writeFile(join(own, name), text)
    for (const [at, { name, text }] of sketches.entries()) {
      await writeFile(join(own, `sketch-${at}.cpp`), `#include "Arduino.h"\n${text}\n`)
      const { code, output } = await run('g++', ['-fsyntax-only', '-Wall', '-I.', `sketch-${at}.cpp`], own)
      expect([name, code, output]).toEqual([name, 0, ''])
    }
  }

  test(
    'each that can be run here is taken from the page and run, and its reading comes',
    { timeout: 90_000 },
    async () => {
      const state = await signIn(browser, server.url, person)
      const { page, troubles, context } = await openPage(browser, server.url, { storageState: state })
      await page.goto(`${server.url}/devices/new`)
      await page.fill('input[name=id]', id)
      await page.getByRole('button', { name: 'Register the device' }).click()
      const secret = (await page.locator('[data-test=secret] pre').textContent()) ?? ''
      await page.getByRole('tab', { name: 'gRPC' }).waitFor()

      const plain = await takeAll(page)
      expect(plain).toHaveLength(17)
      const [leftOut] = await Promise.all([runAll(plain), arduinoOf(plain, secret, false)])
      // Whatever this machine lacks: what Node.js runs is run everywhere.
      expect(leftOut.filter((name) => name.endsWith('Node.js'))).toEqual([])
      await page.locator('[data-test=first-values]', { hasText: '21.5' }).waitFor({ timeout: 2000 })

      if (process.env['PATCHBAY_TEST_LONG']) {
        await page.locator('[data-test=snippet-tls]').check()
        await page.locator('a[download="patchbay-ca.pem"]').waitFor()
        await page.getByRole('tab', { name: 'MQTT' }).click()
        await page.getByRole('button', { name: 'Arduino' }).click()
        await page.locator('[data-test=snippet] pre', { hasText: 'MII' }).waitFor()
        const secured = await takeAll(page)
        const notHere = await runAll(secured)
        expect(notHere.filter((name) => name.endsWith('Node.js'))).toEqual([])
        await arduinoOf(secured, secret, true)
      }
      expect(troubles).toEqual([])
      await context.close()
    },
  )
})
