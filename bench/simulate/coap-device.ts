import { createSocket } from 'node:dgram'
import { generate, parse } from 'coap-packet'
import { answerTimeoutMs, type DeviceLink, LinkError, type Login } from './device-link.ts'
import type { Outcome } from './tally.ts'

/** RFC 7252, section 4.8, without its factor of chance: what a network loses is sent again. */
const ackTimeoutMs = 2_000

interface Exchange {
  settle(outcome: Outcome): void
  /** It has arrived: only the answer is waited for. */
  heard(): void
}

const toOutcome = (code: string): Outcome =>
  code === '2.04' ? { kind: 'stored' } : { kind: 'refused', why: `CoAP ${code}` }

/** A device that posts its telemetry in confirmable messages of one endpoint. */
export async function createCoapDevice({ url, login }: { url: URL; login: Login }): Promise<DeviceLink> {
  const socket = createSocket(url.hostname.startsWith('[') ? 'udp6' : 'udp4')
  const open = new Map<number, Exchange>()
  let ids = Math.floor(Math.random() * 0x1_0000)
  const fail = (why: string): void => {
    for (const { settle } of open.values()) settle({ kind: 'unknown', why })
  }
  socket.on('error', ({ message }) => fail(message))
  socket.on('message', (bytes) => {
    const { code, confirmable, messageId, token, payload } = parse(bytes)
    if (confirmable) socket.send(generate({ code: '0.00', ack: true, messageId }))
    if (code === '0.00') return open.get(messageId)?.heard()
    const words = payload.length > 0 ? ` ${payload.toString('utf8', 0, 100)}` : ''
    const outcome = toOutcome(code)
    open
      .get(token.readUInt16BE())
      ?.settle(outcome.kind === 'refused' ? { ...outcome, why: outcome.why + words } : outcome)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause) => reject(new LinkError(`No CoAP to ${url.host}.`, { cause })))
    socket.connect(Number(url.port || 80), url.hostname.replaceAll(/[[\]]/g, ''), resolve)
  })
  const levels = ['devices', login.username, 'telemetry'].map((level) => ({
    name: 'Uri-Path' as const,
    value: Buffer.from(level),
  }))
  const credentials = [`user=${login.username}`, `pass=${login.password}`].map((text) => ({
    name: 'Uri-Query' as const,
    value: Buffer.from(text),
  }))
  return {
    send: (payload) =>
      new Promise<Outcome>((resolve) => {
        const id = (ids = (ids + 1) & 0xffff)
        const token = Buffer.from([id >> 8, id & 0xff])
        const options = [...levels, ...credentials]
        const body = Buffer.from(payload)
        const bytes = generate(
          { code: '0.02', confirmable: true, messageId: id, token, options, payload: body },
          65_000,
        )
        let again: NodeJS.Timeout | undefined
        const send = (waitMs: number): void => {
          socket.send(bytes, (error) => error && settle({ kind: 'unknown', why: error.message }))
          again = setTimeout(() => send(waitMs * 2), waitMs)
        }
        const settle = (outcome: Outcome): void => {
          clearTimeout(again)
          clearTimeout(late)
          open.delete(id)
          resolve(outcome)
        }
        const late = setTimeout(() => settle({ kind: 'unknown', why: 'no answer in time' }), answerTimeoutMs)
        open.set(id, { settle, heard: () => clearTimeout(again) })
        send(ackTimeoutMs)
      }),
    async close() {
      fail('the device was closed')
      await new Promise<void>((resolve) => socket.close(() => resolve()))
    },
  }
}
