import { randomBytes } from 'node:crypto'
import { type Suite, suites } from '../src/cipher-suite.ts'
import {
  createReassembly,
  fragmentsOf,
  type HandshakeMessage,
  handshakeType,
  readFragments,
  writeMessage,
} from '../src/handshake-message.ts'
import { deriveKeys, type Keys, verifyDataOf } from '../src/key-schedule.ts'
import { sha256 } from '../src/prf.ts'
import { contentType, type DtlsRecord, readRecords, writeRecord } from '../src/record.ts'

export interface ClientOptions {
  identity?: string
  psk?: string
  offered?: readonly number[]
  extendedMasterSecret?: boolean
  version?: number
  /** Bodies of its handshake messages are cut into pieces of this size. */
  fragmentBytes?: number
}

/**
 * The client's side, for tests: it does nothing by itself but what each step of a test asks. What it makes is proved by other people's
 * clients elsewhere; here it is there to misbehave.
 */
export function createTestClient(options: ClientOptions = {}) {
  const { identity = 'meter-1', psk = 'key-of-meter-1', extendedMasterSecret = true, version = 0xfefd } = options
  const random = randomBytes(32)
  let sequence = 0
  let sealed = 0
  let messageSequence = 0
  let cookie = Buffer.alloc(0)
  let transcript: Buffer[] = []
  let suite: Suite | undefined
  let serverRandom = Buffer.alloc(32)
  let keys: Keys | undefined
  const reassembly = createReassembly(0)
  const serverMessages: HandshakeMessage[] = []
  const alerts: number[] = []
  const received: string[] = []
  let finished = false

  const plain = (type: number, fragment: Buffer) => writeRecord({ type, epoch: 0, sequence: sequence++, fragment })
  const seal = (type: number, plaintext: Buffer): Buffer => {
    if (!keys) throw new Error('no keys yet')
    const name = { type, epoch: 1, sequence: sealed++ }
    return writeRecord({ ...name, fragment: keys.client.seal(name, plaintext) })
  }
  const say = (type: number, body: Buffer): Buffer[] => {
    const message = { type, sequence: messageSequence++, body }
    transcript.push(writeMessage(message))
    return [...fragmentsOf(message, options.fragmentBytes ?? 10_000)].map((part) => plain(contentType.handshake, part))
  }
  const hello = (): Buffer => {
    const list = options.offered ?? suites.map(({ id }) => id)
    const extensions = extendedMasterSecret ? [0, 4, 0, 0x17, 0, 0] : []
    return Buffer.concat([
      Buffer.from([version >> 8, version & 0xff]),
      random,
      Buffer.from([0, cookie.length]),
      cookie,
      Buffer.from([0, list.length * 2, ...list.flatMap((id) => [id >> 8, id & 0xff]), 1, 0, ...extensions]),
    ])
  }

  return {
    alerts,
    received,
    serverMessages,
    get isFinished() {
      return finished
    },
    get suite() {
      return suite?.name
    },
    /** The ClientHello, with the cookie once there is one. */
    hello(): Buffer {
      // "the initial ClientHello and HelloVerifyRequest are not included" (RFC 6347, section 4.2.6)
      transcript = []
      return Buffer.concat(say(handshakeType.clientHello, hello()))
    },
    /** ClientKeyExchange, ChangeCipherSpec and Finished, each record by itself. */
    flight(): Buffer[] {
      if (!suite) throw new Error('no ServerHello yet')
      const name = Buffer.from(identity)
      const exchange = say(handshakeType.clientKeyExchange, Buffer.concat([Buffer.from([0, name.length]), name]))
      keys = deriveKeys({
        psk: Buffer.from(psk),
        suite,
        clientRandom: random,
        serverRandom,
        sessionHash: extendedMasterSecret ? sha256(Buffer.concat(transcript)) : undefined,
      })
      return [...exchange, plain(contentType.changeCipherSpec, Buffer.from([1])), this.finished()]
    },
    /** The Finished, made anew: a repetition has a record number of its own. */
    finished(): Buffer {
      const body = verifyDataOf(keys?.master ?? Buffer.alloc(0), 'client', sha256(Buffer.concat(transcript)))
      return seal(
        contentType.handshake,
        writeMessage({ type: handshakeType.finished, sequence: messageSequence, body }),
      )
    },
    seal: (text: string, type: number = contentType.applicationData) => seal(type, Buffer.from(text)),
    sealBytes: seal,
    receive(datagram: Buffer): void {
      for (const record of readRecords(datagram)) this.take(record)
    },
    take(record: DtlsRecord): void {
      const body = record.epoch === 0 ? record.fragment : keys?.server.open(record, record.fragment)
      if (!body) return
      if (record.type === contentType.alert) alerts.push(body[1] ?? -1)
      else if (record.type === contentType.applicationData) received.push(body.toString())
      else if (record.type === contentType.handshake) {
        for (const fragment of readFragments(body)) reassembly.add(fragment)
        for (let message = reassembly.take(); message; message = reassembly.take()) this.hear(message)
      }
    },
    hear(message: HandshakeMessage): void {
      serverMessages.push(message)
      if (message.type === handshakeType.helloVerifyRequest) {
        cookie = Buffer.from(message.body.subarray(3))
        return
      }
      if (message.type === handshakeType.finished) {
        const finish = {
          type: handshakeType.finished,
          sequence: messageSequence,
          body: verifyDataOf(keys?.master ?? Buffer.alloc(0), 'client', sha256(Buffer.concat(transcript))),
        }
        const expected = verifyDataOf(
          keys?.master ?? Buffer.alloc(0),
          'server',
          sha256(Buffer.concat([...transcript, writeMessage(finish)])),
        )
        finished = message.body.equals(expected)
        return
      }
      transcript.push(writeMessage(message))
      if (message.type !== handshakeType.serverHello) return
      serverRandom = Buffer.from(message.body.subarray(2, 34))
      const id = message.body.readUInt16BE(35)
      suite = suites.find((one) => one.id === id)
    },
  }
}

export type TestClient = ReturnType<typeof createTestClient>
