import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { generate, parse } from 'coap-packet'
import { expect, onTestFinished, test } from 'vitest'
import { createCoapDevice } from './coap-device.ts'

/** A server that answers every request by `reply`. */
async function listen(
  reply: (asked: ReturnType<typeof parse>, answer: (packet: Parameters<typeof generate>[0]) => void) => void,
) {
  const server = createSocket('udp4')
  server.on('message', (bytes, { port }) =>
    reply(parse(bytes), (packet) => server.send(generate(packet), port, '127.0.0.1')),
  )
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(`http://127.0.0.1:${server.address().port}`)
  const device = await createCoapDevice({ url, login: { username: 'a', password: 'pw' } })
  onTestFinished(async () => {
    await device.close()
    server.close()
  })
  return device
}

test('posts to its own topic with its own secret, and takes an answer that comes separately', async () => {
  const device = await listen(({ messageId, token, options, payload }, answer) => {
    expect(options.map(({ value }) => value.toString())).toEqual(['devices', 'a', 'telemetry', 'user=a', 'pass=pw'])
    expect(payload.toString()).toBe('{"t":1}')
    answer({ code: '0.00', ack: true, messageId })
    answer({ code: '2.04', confirmable: true, messageId: 1, token })
  })
  expect(await device.send('{"t":1}')).toEqual({ kind: 'stored' })
})

test('knows a refusal, with its words', async () => {
  const device = await listen(({ messageId, token }, answer) =>
    answer({ code: '4.00', ack: true, messageId, token, payload: Buffer.from('TIME_INVALID') }),
  )
  expect(await device.send('{}')).toEqual({ kind: 'refused', why: 'CoAP 4.00 TIME_INVALID' })
})
