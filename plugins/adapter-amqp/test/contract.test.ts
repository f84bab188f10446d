import { adapterContract } from '@patchbay/testkit'
import plugin from '../src/index.ts'
import { closeClient, connectClient, manifest, openSender, plain, sendOne } from './connect-client.ts'

adapterContract({
  plugin,
  options: { manifest, config: { port: 0 } },
  badConfig: { credit: 0 },
  async publish(host, as, { topic, payload }) {
    const connection = await connectClient(host, plain(as.id, as.secret))
    const outcome = await sendOne(await openSender(connection, topic), { body: payload })
    await closeClient(connection)
    if (!('accepted' in outcome)) throw new Error(JSON.stringify(outcome))
  },
  async wrongCredentials(host, as) {
    const said = await connectClient(host, plain(as.id, as.secret)).then(
      () => 'opened',
      (error: Error) => error.message,
    )
    if (!said.includes('Failed to authenticate: 1')) throw new Error(said)
  },
})
