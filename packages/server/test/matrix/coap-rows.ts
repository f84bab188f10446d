import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CoapClientBuild, isInstalled, runCoapClient, startCoapClient } from '../harness/coap-client.ts'
import { openCoapWire } from '../harness/coap-wire.ts'
import { type Command, type Credentials, type Place, type Row, settled } from './row.ts'

const answers = {
  connect: '2.04',
  'wrong secret': '4.01',
  revoked: '4.03',
  'own topic': '2.04',
  'foreign topic': '4.03',
  'too large': '4.13',
  'too deep': '4.00',
  ...settled,
} as const

/** Above this a payload goes in blocks, and its size is announced with the first. */
const blockBytes = 1024
const uint = (value: number): Buffer => Buffer.from(value.toString(16).padStart(8, '0'), 'hex')

const wireRow: Row = {
  protocol: 'CoAP',
  transport: 'UDP',
  client: 'ours',
  here: true,
  answers,
  connect: (place, login, own) => wireRow.publish(place, login, own),
  async publish({ port }, login, { topic, payload }) {
    const wire = await openCoapWire(port, login)
    const whole = Buffer.from(payload)
    const announced = [
      { name: 'Block1', value: Buffer.from([0x0e]) },
      { name: 'Size1', value: uint(whole.length) },
    ]
    const isLarge = whole.length > blockBytes
    const part = { payload: whole.subarray(0, blockBytes), options: isLarge ? announced : [] }
    const { code } = await wire.ask({ method: 'POST', topic, ...part })
    await wire.close()
    return String(code)
  },
  async takeCommand({ port }, login) {
    const wire = await openCoapWire(port, login)
    const came = new Promise<Buffer>((resolve) => wire.hear(resolve))
    const options = [{ name: 'Observe', value: Buffer.alloc(0) }]
    await wire.ask({ method: 'GET', topic: `devices/${login.id}/commands`, options })
    const [command] = JSON.parse((await came).toString())
    await wire.close()
    return command
  },
}

let files = 0

const libcoapRow = (build: CoapClientBuild): Row => {
  const secure = build !== 'notls'
  const who = ({ id, preSharedKey }: Credentials) => (secure ? ['-u', id, '-k', preSharedKey] : [])
  const uri = ({ port }: Place, { id, secret }: Credentials, path: string) =>
    `${secure ? 'coaps' : 'coap'}://127.0.0.1:${port}/${path}${secure ? '' : `?user=${id}&pass=${secret}`}`
  const publish: Row['publish'] = async (place, login, { topic, payload }) => {
    const file = join(place.folder, `coap-${files++}`)
    await writeFile(file, payload)
    const args = ['-B', '5', '-v', '6', '-m', 'post', '-t', 'application/json', '-f', file]
    const said = await runCoapClient(build, [...who(login), ...args, uri(place, login, topic)])
    const code = [...said.matchAll(/t:ACK[^\n]*c:(\d\.\d\d)/g)].map(([, each]) => each).findLast(isFinal)
    return code ?? (/decrypt.?error|handshake|alert/i.test(said) ? 'DTLS alert' : said)
  }
  const isFinal = (code: string | undefined): boolean => code !== undefined && code !== '0.00' && code !== '2.31'
  return {
    protocol: 'CoAP',
    transport: secure ? 'DTLS' : 'UDP',
    client: `coap-client-${build}`,
    here: isInstalled(`coap-client-${build}`),
    // [RFC 5246, 7.4.9] who cannot prove the key has no session in which to be told more.
    answers: secure ? { ...answers, 'wrong secret': 'DTLS alert', revoked: 'DTLS alert' } : answers,
    connect: publish,
    publish,
    async takeCommand(place, login) {
      const args = [...who(login), '-s', '15', '-w', uri(place, login, `devices/${login.id}/commands`)]
      const observer = startCoapClient(build, args)
      try {
        for (;;) {
          const found = /\[(\{.*\})\]/.exec(observer.output())?.[1]
          if (found) return JSON.parse(found) as Command
          await new Promise((resolve) => setTimeout(resolve, 20))
          if (await Promise.race([observer.done.then(() => true), false])) throw new Error(observer.output())
        }
      } finally {
        observer.stop()
        await observer.done
      }
    },
  }
}

export const coapRows: Row[] = [wireRow, ...(['notls', 'gnutls', 'openssl'] as const).map((build) => libcoapRow(build))]
