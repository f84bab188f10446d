import { adapterContract, type StartedPlugin } from '@patchbay/testkit'
import { generate, parser, type Packet } from 'mqtt-packet'
import plugin from '../src/index.ts'

const options = { manifest: new URL('../plugin.json', import.meta.url), config: { port: 0, tlsPort: 0 } }

/** Logs in and, let in, publishes at QoS 1; answers the return code of the CONNACK once the PUBACK is there too. */
async function publishOnce(
  host: StartedPlugin,
  as: { id: string; secret: string },
  message: { topic: string; payload: string },
): Promise<number> {
  const socket = await host.connect()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const parse = parser({ protocolVersion: 4 })
  parse.on('packet', (packet: Packet) => {
    if (packet.cmd === 'puback') resolve(0)
    if (packet.cmd !== 'connack') return
    if (packet.returnCode !== 0) resolve(packet.returnCode ?? -1)
    else socket.write(generate({ cmd: 'publish', qos: 1, messageId: 1, dup: false, retain: false, ...message }))
  })
  socket.on('data', (bytes) => parse.parse(bytes))
  socket.on('error', reject)
  socket.on('close', () => reject(new Error('closed without an acknowledgement')))
  const login = { username: as.id, password: Buffer.from(as.secret) }
  socket.write(generate({ cmd: 'connect', clientId: 'contract', clean: true, keepalive: 30, ...login }))
  try {
    return await promise
  } finally {
    socket.destroy()
  }
}

adapterContract({
  plugin,
  options,
  badConfig: { port: 70_000 },
  async publish(host, as, message) {
    const code = await publishOnce(host, as, message)
    if (code !== 0) throw new Error(`CONNACK ${code}`)
  },
  async wrongCredentials(host, as) {
    const code = await publishOnce(host, as, { topic: `devices/${as.id}/telemetry`, payload: '1' })
    if (code !== 4) throw new Error(`CONNACK ${code} instead of 4`)
  },
})
