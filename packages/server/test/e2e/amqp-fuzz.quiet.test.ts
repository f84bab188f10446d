import { once } from 'node:events'
import { expect, test } from 'vitest'
import { closeAmqp, connectAmqp, openAmqpSender, sendAmqp } from '../harness/amqp-client.ts'
import { createApi, createDevice, type TestDevice } from '../harness/api.ts'
import { fuzzWire, p99LimitMs } from '../harness/fuzz-wire.ts'
import { makeDataFolder, startServer } from '../harness/server-process.ts'
import { isLong } from '../harness/random.ts'
import { recordClient } from '../harness/record-client.ts'

async function talk(port: number, device: TestDevice): Promise<void> {
  const connection = await connectAmqp(port, { username: device.id, password: device.secret })
  const sender = await openAmqpSender(connection, `devices/${device.id}/telemetry`)
  const receiver = connection.open_receiver(`devices/${device.id}/hello`)
  await once(receiver, 'receiver_open')
  const hello = await openAmqpSender(connection, `devices/${device.id}/hello`)
  const heard = once(receiver, 'message')
  await sendAmqp(sender, '{"a":1.5,"b":"x"}')
  await sendAmqp(sender, Buffer.from('{"c":2}'))
  await sendAmqp(hello, 'hello')
  await heard
  receiver.close()
  await once(receiver, 'receiver_close')
  await closeAmqp(connection)
}

/** The protocol headers and frames that bytes of a client are made of. */
function cut(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const isHeader = bytes.toString('latin1', at, at + 4) === 'AMQP'
    const size = isHeader ? 8 : bytes.readUInt32BE(at)
    frames.push(bytes.subarray(at, at + size))
    at += size
  }
  return frames
}

test('mutated frames harm nobody else', { timeout: isLong ? 1_800_000 : 60_000 }, async () => {
  const data = await makeDataFolder()
  const server = await startServer({ data: data.path })
  try {
    const api = createApi(server.url)
    const device = await createDevice(api, 'fuzz-1')
    const good = await createDevice(api, 'good-1')
    const frames = cut(await recordClient(server.port, (port) => talk(port, device)))
    expect(frames.length).toBeGreaterThan(12)
    const connection = await connectAmqp(server.port, { username: good.id, password: good.secret })
    const sender = await openAmqpSender(connection, 'sensors/good-1/n')
    sender.setMaxListeners(0)
    const figures = await fuzzWire({
      name: 'amqp fuzz',
      server,
      frames,
      async wellBehaved() {
        expect(await sendAmqp(sender, '1')).toBe('accepted')
        for (const name of ['accepted', 'released', 'rejected']) sender.removeAllListeners(name)
      },
    })
    expect(figures.errors).toEqual([])
    expect(server.child.exitCode).toBeNull()
    expect(figures.p99Ms).toBeLessThan(p99LimitMs)
    if (isLong) expect(figures.growth).toBeLessThan(1.3)
    await closeAmqp(connection)
  } finally {
    await server.stop()
    await data.remove()
  }
})
