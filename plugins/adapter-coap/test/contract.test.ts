import { adapterContract, type StartedPlugin } from '@patchbay/testkit'
import plugin from '../src/index.ts'
import { createCoapClient } from './coap-client.ts'

async function post(
  host: StartedPlugin,
  as: { id: string; secret: string },
  message: { topic: string; payload: string },
): Promise<string> {
  const client = createCoapClient(await host.datagrams.connect())
  try {
    const { topic: path, payload } = message
    return (await client.ask({ path, payload, query: { user: as.id, pass: as.secret } })).code
  } finally {
    client.close()
  }
}

adapterContract({
  plugin,
  options: { manifest: new URL('../plugin.json', import.meta.url), config: { port: 0, securePort: 0 } },
  badConfig: { port: 70_000 },
  async publish(host, as, message) {
    const code = await post(host, as, message)
    if (code !== '2.04') throw new Error(`answered ${code}`)
  },
  async wrongCredentials(host, as) {
    const code = await post(host, as, { topic: `devices/${as.id}/telemetry`, payload: '1' })
    if (code !== '4.01') throw new Error(`${code} instead of 4.01`)
  },
})
