import { once } from 'node:events'
import { connect } from 'node:net'
import { createServer, type Server } from 'node:tls'
import { makeTestCertificate, numbersOf, startPlugin, toRemoteMessages } from '@patchbay/testkit'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import plugin from '../src/index.ts'
import { openRabbitRemote, type RabbitRemote, rabbitUrl } from './rabbit-remote.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const skipped = rabbitUrl === undefined ? ', skipped, no RABBITMQ_URL' : ''

/** TLS in front of the broker, which has none of its own here. */
describe.skipIf(rabbitUrl === undefined)(`AMQP by TLS${skipped}`, () => {
  let remote: RabbitRemote
  let door: Server
  let ca: string
  let url: string
  beforeAll(async () => {
    remote = await openRabbitRemote()
    const made = await makeTestCertificate(['localhost'], 'rsa')
    ca = made.cert
    const broker = new URL(rabbitUrl ?? '')
    door = createServer({ cert: made.cert, key: made.key }, (socket) => {
      const far = connect(Number(broker.port), broker.hostname)
      socket.pipe(far).pipe(socket)
      socket.on('error', () => far.destroy())
      far.on('error', () => socket.destroy())
    })
    door.listen(0, '127.0.0.1')
    await once(door, 'listening')
    const address = door.address()
    url = `amqps://localhost:${typeof address === 'object' ? address?.port : 0}`
  })
  afterAll(async () => {
    await remote?.close()
    door?.close()
  })

  test.for(['0-9-1', '1.0'])('AMQP %s reads by a certificate that is believed, and by no other', async (protocol) => {
    await remote.wipe()
    await remote.send(toRemoteMessages(10))
    const config = { ...remote.config(), url, protocol, ca }
    const host = await startPlugin(plugin, { manifest, config })
    await vi.waitFor(() => expect([...numbersOf(host.sessions.published).values()].flat()).toHaveLength(10))
    const { ca: _, ...stranger } = config
    expect(await host.verify(stranger)).toMatchObject({ ok: false, text: expect.stringMatching(/self.signed/i) })
    expect(await host.verify(config)).toMatchObject({ ok: true })
    expect(await host.stop()).toEqual({ failures: [], left: [] })
  })
})
