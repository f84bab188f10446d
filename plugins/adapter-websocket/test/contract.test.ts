import { adapterContract, type StartedPlugin } from '@patchbay/testkit'
import plugin from '../src/index.ts'
import { connectClient, manifest } from './connect-client.ts'

adapterContract({
  plugin,
  options: { manifest, config: {} },
  badConfig: { maxFrameKib: 1 },
  async publish(host: StartedPlugin, as, { topic, payload }) {
    const client = await connectClient(host, { auth: `${as.id}:${as.secret}` })
    try {
      const answer = await client.ask({ publish: topic, payload: JSON.parse(payload) as unknown })
      if (!('ack' in answer)) throw new Error(JSON.stringify(answer))
    } finally {
      await client.close()
    }
  },
  async wrongCredentials(host, as) {
    const refused = await connectClient(host, { auth: `${as.id}:${as.secret}` }).then(
      () => 'opened',
      (error: Error) => error.message,
    )
    if (refused !== 'Unexpected server response: 401') throw new Error(refused)
    const client = await connectClient(host, {})
    client.send({ auth: { id: as.id, secret: as.secret } })
    const closed = await client.closed
    if (closed.code !== 1008) throw new Error(String(closed.code))
    if (client.heard[0]?.['code'] !== 'CREDENTIALS_WRONG') throw new Error(JSON.stringify(client.heard))
  },
})
