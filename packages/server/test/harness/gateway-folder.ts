import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vi } from 'vitest'

/** A port that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** On a busy machine a plugin may come after the platform. */
export const untilListening = (port: number): Promise<void> =>
  vi.waitFor(async () => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect').finally(() => socket.destroy())
  }, 10_000)

/** A folder for PATCHBAY_GATEWAY. */
export interface GatewayFolder {
  readonly path: string
  /** Where the gateway listens. */
  listen(...ports: readonly number[]): Promise<void>
  /** The text of apisix.yaml. */
  route(text: string): Promise<void>
  remove(): Promise<void>
}

export const makeGatewayFolder = async (): Promise<GatewayFolder> => {
  const path = await mkdtemp(join(tmpdir(), 'patchbay-gateway-'))
  return {
    path,
    listen: (...ports) =>
      writeFile(
        join(path, 'config.yaml'),
        `apisix:\n  proxy_mode: http&stream\n  stream_proxy:\n    tcp:\n${ports.map((port) => `      - ${port}\n`).join('')}`,
      ),
    route: (text) => writeFile(join(path, 'apisix.yaml'), text),
    remove: () => rm(path, { recursive: true, force: true }),
  }
}
