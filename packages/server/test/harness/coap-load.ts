import { createSocket } from 'node:dgram'
import { generate, parse } from 'coap-packet'
import type { TestDevice } from './api.ts'
import { type Load, telemetryOf } from './mqtt-load.ts'

const resendAfterMs = 250

/** As the MQTT load, with confirmable POSTs of one endpoint: 2.04 counts, an empty acknowledgement does not. */
export const startCoapLoad = (
  port: number,
  device: TestDevice,
  options: { inFlight: number; baseMs: number; from: number },
): Load => {
  const { inFlight, baseMs } = options
  const acked: number[] = []
  const pending = new Map<number, { n: number; bytes: Buffer; sentMs: number }>()
  let next = options.from
  let ids = Math.floor(Math.random() * 65_536)
  const socket = createSocket('udp4')
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let open = true
  const close = (): void => {
    if (!open) return
    open = false
    clearInterval(timer)
    socket.close(() => end())
  }
  const path = `devices/${device.id}/telemetry`.split('/')
  const head = [
    ...path.map((level) => ({ name: 'Uri-Path', value: Buffer.from(level) })),
    ...[`user=${device.id}`, `pass=${device.secret}`].map((text) => ({ name: 'Uri-Query', value: Buffer.from(text) })),
  ]
  const send = (bytes: Buffer): void => {
    // The kernel tells the sender whichever call comes first that nobody listens any more.
    if (open) socket.send(bytes, (error) => error && close())
  }
  const publish = (): void => {
    const n = next++
    ids = (ids + 1) & 0xffff
    const token = Buffer.from([ids >> 8, ids & 0xff])
    const payload = Buffer.from(telemetryOf(baseMs, n))
    const bytes = generate({ code: '0.02', confirmable: true, messageId: ids, token, options: [...head], payload })
    pending.set(ids, { n, bytes, sentMs: performance.now() })
    send(bytes)
  }
  // What a network loses is sent again; a server that is gone answers that with a refusal of the port.
  const timer = setInterval(() => {
    const nowMs = performance.now()
    for (const one of pending.values()) {
      if (nowMs - one.sentMs < resendAfterMs) continue
      one.sentMs = nowMs
      send(one.bytes)
    }
  }, 50)
  socket.on('message', (bytes) => {
    const answer = parse(bytes)
    if (answer.code === '0.00') return
    const id = answer.token.readUInt16BE()
    const one = pending.get(id)
    if (answer.confirmable) send(generate({ code: '0.00', ack: true, messageId: answer.messageId }))
    if (!one) return
    pending.delete(id)
    if (answer.code === '2.04') acked.push(one.n)
    publish()
  })
  socket.on('error', close)
  socket.connect(port, '127.0.0.1', () => {
    for (let i = 0; i < inFlight; i++) publish()
  })
  return {
    acked,
    get next() {
      return next
    },
    ended,
    close,
  }
}

const pingEveryMs = 50

/** Pings (RFC 7252, section 4.3) until it is answered by the Reset that shows that CoAP is spoken. */
export const awaitCoap = (port: number, withinMs = 20_000): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const end = (settle: () => void): void => {
      clearInterval(timer)
      clearTimeout(deadline)
      socket.close(settle)
    }
    const ping = (): void => socket.send(Buffer.from([0x40, 0, 0, 1]), port, '127.0.0.1', () => undefined)
    const timer = setInterval(ping, pingEveryMs)
    const deadline = setTimeout(() => end(() => reject(new Error('CoAP is not answered'))), withinMs)
    socket.once('message', () => end(resolve))
    ping()
  })
