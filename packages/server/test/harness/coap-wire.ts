import { createSocket } from 'node:dgram'
import { generate, parse, type Packet } from 'coap-packet'
import type { TestDevice } from './api.ts'

export interface CoapQuestion {
  method: 'GET' | 'POST'
  topic: string
  payload?: Buffer
  options?: readonly { name: string; value: Buffer }[]
}
/** A plain CoAP endpoint of our own, for what libcoap's client does not show: exact bytes, codes, and being there or not. */
export interface CoapWire {
  /** The final answer; an empty acknowledgement before it is waited over. */
  ask(question: CoapQuestion): Promise<Packet>
  /** Every notification of an observed resource, acknowledged as it comes. */
  hear(listener: (payload: Buffer) => void): void
  close(): Promise<void>
}

const codes = { GET: '0.01', POST: '0.02' } as const
const answerWithinMs = 10_000

export const openCoapWire = async (port: number, { id: device, secret }: TestDevice): Promise<CoapWire> => {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve))
  const waiting = new Map<number, (answer: Packet) => void>()
  const listeners: ((payload: Buffer) => void)[] = []
  let ids = Math.floor(Math.random() * 0x8000)
  let echo: Buffer | undefined
  socket.on('error', () => undefined) // whoever waits runs into its limit
  socket.on('message', (bytes) => {
    const answer = parse(bytes)
    if (answer.confirmable) socket.send(generate({ code: '0.00', ack: true, messageId: answer.messageId }))
    if (answer.code === '0.00') return
    const settle = waiting.get(answer.token.readUInt16BE())
    if (settle) settle(answer)
    else for (const listener of listeners) listener(answer.payload)
  })
  const once = ({ method, topic, payload, options = [] }: CoapQuestion): Promise<Packet> => {
    const id = (ids = (ids + 1) & 0xffff)
    const token = Buffer.from([id >> 8, id & 0xff])
    const head = [
      ...topic.split('/').map((level) => ({ name: 'Uri-Path', value: Buffer.from(level) })),
      ...[`user=${device}`, `pass=${secret}`].map((text) => ({ name: 'Uri-Query', value: Buffer.from(text) })),
      ...(echo ? [{ name: '252', value: echo }] : []),
      ...options,
    ]
    socket.send(
      generate({
        code: codes[method],
        confirmable: true,
        messageId: id,
        token,
        options: head,
        payload: payload ?? Buffer.alloc(0),
      }),
    )
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer within ${answerWithinMs} ms`)), answerWithinMs)
      waiting.set(id, (answer) => {
        clearTimeout(late)
        waiting.delete(id)
        resolve(answer)
      })
    })
  }

  return {
    async ask(question) {
      const answer = await once(question)
      // RFC 9175: once more, with what shows that this address is real.
      const challenge = answer.options?.find(({ name }) => String(name) === '252')?.value
      if (answer.code !== '4.01' || !challenge || echo) return answer
      echo = Buffer.from(challenge)
      return once(question)
    },
    hear: (listener) => void listeners.push(listener),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}
