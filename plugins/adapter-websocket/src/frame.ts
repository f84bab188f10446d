import { refuse } from './errors.ts'
import { memberText } from './member.ts'

/** What a client gives a frame to find its answer by. */
export type FrameId = string | number

export interface PublishFrame {
  kind: 'publish'
  id: FrameId | undefined
  topic: string
  bytes: Uint8Array
  contentType: string | undefined
  retain: boolean
}

export type Frame =
  | PublishFrame
  | { kind: 'subscribe' | 'unsubscribe'; id: FrameId | undefined; filter: string }
  | { kind: 'ack'; mid: number }
  | { kind: 'auth'; id: FrameId | undefined; user: string; secret: string; client: string | undefined }

/** An id is answered as it came, so it is short. */
const maxIdLength = 128
/** The names of client ids are shown in the console. */
const clientName = /^[\x21-\x7e]{1,128}$/

type Members = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const base64 = /^[A-Za-z0-9+/]*={0,2}$/

/** The id of a frame, also of one that is wrong otherwise. */
export function idOf(asked: unknown): FrameId | undefined {
  const id = isObject(asked) && Object.hasOwn(asked, 'id') ? asked['id'] : undefined
  if (typeof id === 'number') return id
  return typeof id === 'string' && id.length <= maxIdLength ? id : undefined
}

/** JSON of a frame, or undefined when it is none. */
export function parseFrame(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Said to the client as a frame that is not as described.
    return undefined
  }
}

/** Reads a parsed frame and the text it came as; throws Refused when it is not as described. */
export function toFrame(asked: unknown, text: string): Frame {
  if (!isObject(asked)) throw refuse('WS_FRAME_INVALID', 'Send text frames that are JSON objects.')
  const id = idOf(asked)
  if (Object.hasOwn(asked, 'id') && id === undefined)
    throw refuse('WS_FRAME_INVALID', `id is a number or a text of at most ${maxIdLength} characters.`)
  if (Object.hasOwn(asked, 'publish')) return toPublish(asked, text, id)
  if (Object.hasOwn(asked, 'subscribe')) return { kind: 'subscribe', id, filter: textOf(asked, 'subscribe') }
  if (Object.hasOwn(asked, 'unsubscribe')) return { kind: 'unsubscribe', id, filter: textOf(asked, 'unsubscribe') }
  if (Object.hasOwn(asked, 'ack')) {
    const mid = asked['ack']
    if (typeof mid !== 'number') throw refuse('WS_FRAME_INVALID', 'ack is the mid of a delivery.')
    return { kind: 'ack', mid }
  }
  if (Object.hasOwn(asked, 'auth')) return toAuth(asked['auth'], id)
  throw refuse('WS_FRAME_INVALID', 'A frame has one of publish, subscribe, unsubscribe, ack and auth.')
}

function textOf(asked: Members, name: string): string {
  const value = asked[name]
  if (typeof value === 'string' && value !== '') return value
  throw refuse('WS_FRAME_INVALID', `${name} is a text that is not empty.`)
}

function toPublish(asked: Members, text: string, id: FrameId | undefined): PublishFrame {
  const retain = Object.hasOwn(asked, 'retain') ? asked['retain'] : false
  const type = Object.hasOwn(asked, 'type') ? asked['type'] : undefined
  if (typeof retain !== 'boolean') throw refuse('WS_FRAME_INVALID', 'retain is true or false.')
  if (type !== undefined && typeof type !== 'string') throw refuse('WS_FRAME_INVALID', 'type is a content type.')
  return {
    kind: 'publish',
    id,
    topic: textOf(asked, 'publish'),
    bytes: toBytes(asked, text),
    contentType: type,
    retain,
  }
}

function toBytes(asked: Members, text: string): Uint8Array {
  if (Object.hasOwn(asked, 'payload')) return Buffer.from(memberText(text, 'payload') ?? '')
  const plain = Object.hasOwn(asked, 'text') ? asked['text'] : undefined
  if (typeof plain === 'string') return Buffer.from(plain)
  const packed = Object.hasOwn(asked, 'base64') ? asked['base64'] : undefined
  if (typeof packed === 'string' && base64.test(packed)) return Buffer.from(packed, 'base64')
  throw refuse('WS_FRAME_INVALID', 'publish needs payload (JSON), text or base64.')
}

function toAuth(auth: unknown, id: FrameId | undefined): Frame {
  const user = isObject(auth) && Object.hasOwn(auth, 'id') ? auth['id'] : undefined
  const secret = isObject(auth) && Object.hasOwn(auth, 'secret') ? auth['secret'] : undefined
  const client = isObject(auth) && Object.hasOwn(auth, 'client') ? auth['client'] : undefined
  if (typeof user !== 'string' || typeof secret !== 'string')
    throw refuse('WS_FRAME_INVALID', 'auth is {"id", "secret"}, both text.')
  if (client !== undefined && (typeof client !== 'string' || !clientName.test(client)))
    throw refuse('WS_FRAME_INVALID', 'client has 1 to 128 printable characters without spaces.')
  return { kind: 'auth', id, user, secret, client }
}
