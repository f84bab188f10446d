import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Login } from '../load/wire.ts'
import { type Program, startProgram } from './program.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const startTimeoutMs = 30_000
const requestTimeoutMs = 120_000

/** The whole product as its own process, with the flags of `npm start`. */
export interface Patchbay {
  readonly program: Program
  readonly port: number
  /** Registers devices and answers what they log in with. */
  addDevices(ids: readonly string[]): Promise<Login[]>
  get(path: string): Promise<unknown>
  post(path: string, body: unknown): Promise<unknown>
  /** One look at the metrics: answers the sum of a metric's samples whose line holds `labels`. */
  metrics(): Promise<(name: string, labels?: string) => number>
  stop(): Promise<void>
}

type Call = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }

function readStartScript(): { env: Record<string, string>; args: string[] } {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const [before = '', after = ''] = (scripts['start'] ?? '').split('exec node ')
  const env = before.trim().split(/\s+/).filter(Boolean)
  return {
    env: Object.fromEntries(env.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)])),
    args: after.split(/\s+/).map((each) => (each.endsWith('.js') ? join(root, each) : each)),
  }
}

/** Other settings of the product that stand in the environment are taken over, such as PATCHBAY_DURABILITY; on which stores it runs is said here. */
export async function startPatchbay(
  nodeFlags: readonly string[] = [],
  settings: Readonly<Record<string, string>> = {},
): Promise<Patchbay> {
  const data = await mkdtemp(join(tmpdir(), 'patchbay-bench-'))
  const key = settings['PATCHBAY_API_KEY'] ?? randomBytes(24).toString('hex')
  const { env, args } = readStartScript()
  const program = startProgram(process.execPath, [...nodeFlags, ...args], {
    ...env,
    PATCHBAY_DATA: data,
    PATCHBAY_API_KEY: key,
    PATCHBAY_PORT: '0',
    PATCHBAY_MQTT_PORT: '0',
    PATCHBAY_MQTTS_PORT: '0',
    PATCHBAY_COAP_PORT: '0',
    PATCHBAY_COAPS_PORT: '0',
    MONGODB_URL: '',
    REDIS_URL: '',
    ...settings,
  })
  const url = await program.prints(/http:\/\/127\.0\.0\.1:(\d+)/, startTimeoutMs)

  async function call(path: string, init: Call = {}): Promise<string> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'text/csv', ...init.headers }
    const signal = AbortSignal.timeout(requestTimeoutMs)
    const answer = await fetch(url[0] + path, { ...init, headers, signal })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 300)}`)
    return text
  }

  return {
    program,
    port: Number(url[1]),
    async addDevices(ids) {
      const body = `id\n${ids.join('\n')}`
      const { items }: { items: { id: string; credentials?: { password: string }; detail?: string }[] } = JSON.parse(
        await call('/api/v1/devices/import', { method: 'POST', body }),
      )
      return items.map(({ id, credentials, detail }) => {
        if (!credentials) throw new Error(`the device ${id} was not made: ${detail}`)
        return { id, password: credentials.password }
      })
    },
    get: async (path) => JSON.parse(await call(path)),
    post: async (path, body) =>
      JSON.parse(
        await call(path, {
          method: 'POST',
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }),
      ),
    async metrics() {
      const lines = (await call('/metrics')).split('\n')
      return (name, labels = '') =>
        lines
          .filter((line) => line.startsWith(name) && line.includes(labels))
          .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    },
    async stop() {
      await program.stop()
      await rm(data, { recursive: true, force: true })
    },
  }
}
