import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Api, createApi } from '../harness/api.ts'
import { isInstalled } from '../harness/coap-client.ts'
import { type InProcess, startInProcess } from '../harness/in-process.ts'
import { python } from '../harness/proton.ts'
import { testKey } from '../harness/server-process.ts'

const docs = fileURLToPath(new URL('../../../../docs/', import.meta.url))
const limitMs = 40_000

/** What a page of the documentation has its reader do, and what it comes to. */
interface Documented {
  page: string
  programs: string[]
  /** Lines that it prints. */
  prints: (string | RegExp)[]
  latest: Record<string, number>
  command?: 'succeeded' | 'delivered'
}

const pages: Documented[] = [
  {
    page: 'mqtt.md',
    programs: ['curl', 'mosquitto_pub', 'mosquitto_sub'],
    prints: [
      /^devices\/boiler-1\/commands\/\S+ \{"name":"restart","params":\{"delay":5\}\}$/,
      ...Array<string>(4).fill('devices/boiler-1/notes stored'),
    ],
    latest: { temperature: 22.5, level: 7.5, pressure: 1.5 },
    command: 'succeeded',
  },
  {
    page: 'protocols/http.md',
    programs: ['curl'],
    prints: [/^\[\{"id":"\S+","name":"restart","params":\{"delay":5\}\}\]/, 'stored', 'stored'],
    latest: { temperature: 22.5, level: 7.5, pressure: 1.5 },
    command: 'succeeded',
  },
  {
    page: 'protocols/websocket.md',
    programs: ['curl'],
    prints: ['{"ack":"login"}', '{"ack":1}', '{"ack":2}', '{"ack":"login"}', '{"ack":1}', '{"ack":2}'],
    latest: { temperature: 21.5 },
  },
  {
    page: 'protocols/amqp.md',
    programs: ['curl', ...(python === '' ? ['python3 with proton'] : [])],
    prints: [
      'accepted',
      'waits for a command',
      /^devices\/boiler-1\/commands\/\S+ \{"name":"open"\}$/,
      'accepted',
      'waits for a command',
      /^devices\/boiler-1\/commands\/\S+ \{"name":"open"\}$/,
    ],
    latest: { temperature: 21.5 },
    command: 'delivered',
  },
  {
    page: 'protocols/grpc.md',
    programs: ['curl'],
    prints: ['waits for a command', /^devices\/boiler-1\/commands\/\S+ \{"name":"open"\}$/, 'stored', 'stored'],
    latest: { temperature: 21.5 },
    command: 'delivered',
  },
]

let server: InProcess
let api: Api

beforeAll(async () => {
  server = await startInProcess()
  api = createApi(server.url)
})
afterAll(() => server.close())

/** A folder as the reader has it: the data folder, the files that the page has him save, and the libraries beside them. */
const makeFolder = async (text: string): Promise<string> => {
  const folder = await mkdtemp(fileURLToPath(new URL('../../node_modules/.documented-', import.meta.url)))
  await symlink(server.data, join(folder, 'data'))
  for (const [, name = '', code = ''] of text.matchAll(/[Ss]ave this as `([\w.]+)`:\n\n```\w+\n([^]*?)```/g)) {
    await writeFile(join(folder, name), code)
  }
  // The Node and the Python that have what is needed, by their usual names.
  for (const [name, path] of [
    ['node', process.execPath],
    ['python3', python],
  ] as const) {
    await writeFile(join(folder, name), `#!/bin/sh\nexec ${path} "$@"\n`)
    await chmod(join(folder, name), 0o755)
  }
  return folder
}

for (const { page, programs, prints, latest, command } of pages) {
  const missing = programs.filter((program) => !isInstalled(program))
  describe.skipIf(missing.length > 0)(`docs/${page} (${programs.join(', ')})`, () => {
    test('has commands that do what it says, plain and over TLS', { timeout: limitMs + 10_000 }, async () => {
      const text = await readFile(join(docs, page), 'utf8')
      const folder = await makeFolder(text)
      try {
        const blocks = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block ?? '')
        // What curl prints does not end its line.
        const script = blocks
          .join('\necho\n')
          .replaceAll(':8080', `:${server.port}`)
          .replaceAll('-p 8080', `-p ${server.port}`)
        for (const file of ['try.mjs', 'try.py']) {
          const path = join(folder, file)
          const code = await readFile(path, 'utf8').catch(() => undefined) // not every page has both
          if (code !== undefined) await writeFile(path, code.replaceAll(':8080', `:${server.port}`))
        }
        const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, PATCHBAY_API_KEY: testKey }
        const { stdout } = await promisify(execFile)('sh', ['-e', '-c', script], { cwd: folder, env, timeout: limitMs })
        const lines = stdout.split('\n')
        for (const wanted of prints) {
          const at = lines.findIndex((line) => (typeof wanted === 'string' ? line === wanted : wanted.test(line)))
          expect(at, `${wanted} in\n${stdout}`).toBeGreaterThanOrEqual(0)
          lines.splice(at, 1)
        }
        const stored = (await api.get('/api/v1/devices/boiler-1/latest')).body
        for (const [key, value] of Object.entries(latest)) expect(stored[key]?.value, key).toBe(value)
        const [sent] = (await api.get('/api/v1/devices/boiler-1/commands')).body.items
        expect(sent?.state).toBe(command)
      } finally {
        await api.delete('/api/v1/devices/boiler-1?data=delete')
        await rm(folder, { recursive: true, force: true })
      }
    })
  })
}
