import grpc from '@grpc/grpc-js'
import { adapterContract } from '@patchbay/testkit'
import plugin from '../src/index.ts'
import { connectClient, manifest } from './connect-client.ts'

adapterContract({
  plugin,
  options: { manifest, config: {} },
  badConfig: { maxInFlight: 0 },
  async publish(host, as, { topic, payload }) {
    const client = await connectClient(host, { auth: `${as.id}:${as.secret}` })
    try {
      await client.publish(topic, payload)
    } finally {
      await client.close()
    }
  },
  async wrongCredentials(host, as) {
    const client = await connectClient(host, { auth: `${as.id}:${as.secret}` })
    const code = await client.publish('devices/a/telemetry', '1').then(
      () => -1,
      (error: { code: number }) => error.code,
    )
    await client.close()
    const unauthenticated: number = grpc.status.UNAUTHENTICATED
    if (code !== unauthenticated) throw new Error(String(code))
  },
})
