import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { GenerateError, root } from './generator.ts'
import { isRecord } from './page.ts'

const startLimitMs = 30_000
const pollMs = 50
/** One that a plugin answers. */
const pluginPath = '/api/v1/gateway/sessions'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new GenerateError('no free port was found')
  return address.port
}

/**
 * The description that a running server answers, so that the page shows what is really served: the server is started on a free port
 * and an empty folder, asked, and stopped.
 */
export async function readOpenApi(): Promise<Record<string, unknown>> {
  const data = await mkdtemp(join(tmpdir(), 'patchbay-docs-'))
  const port = await freePort()
  const wellKnownOff = Object.fromEntries(
    ['MQTT', 'MQTTS', 'COAP', 'COAPS', 'AMQP', 'GRPC'].map((name) => [`PATCHBAY_${name}_PORT`, '0']),
  )
  const server = spawn(process.execPath, ['packages/server/src/start.js'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], PATCHBAY_DATA: data, PATCHBAY_PORT: String(port), ...wellKnownOff },
  })
  let said = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  try {
    for (const deadline = Date.now() + startLimitMs; Date.now() < deadline; await wait(pollMs)) {
      if (server.exitCode !== null) throw new GenerateError(`the server does not start:\n${said}`)
      // Until it listens, every try is refused; the deadline ends that.
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/openapi.json`).catch(() => undefined)
      if (response?.ok !== true) continue
      const document: unknown = await response.json()
      // Plugins may come a moment later than the platform; their routes are in it too.
      if (isRecord(document) && isRecord(document['paths']) && Object.hasOwn(document['paths'], pluginPath))
        return document
    }
    throw new GenerateError(`the server answered no /api/v1/openapi.json within ${startLimitMs / 1000} s:\n${said}`)
  } finally {
    server.kill('SIGKILL')
    if (server.exitCode === null && server.signalCode === null) await ended
    await rm(data, { recursive: true, force: true })
  }
}
