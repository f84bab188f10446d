import {
  type AdapterRefusal,
  type Connection,
  type Credentials,
  isRefused,
  type Log,
  type RefusedError,
  type Session,
  type Sessions,
  type Subscription,
} from '@patchbay/sdk'
import type { RawData, WebSocket } from 'ws'
import type { WebSocketConfig } from './config.ts'
import { refuse, webSocketRefusals } from './errors.ts'
import { type Frame, type FrameId, idOf, parseFrame, type PublishFrame, toFrame } from './frame.ts'
import { createOutbox } from './outbox.ts'
import { closeCodes, endings, words } from './refusal-words.ts'

export const protocol = 'websocket'
/** Frames that are not as described, until the connection is closed. */
const maxBadFrames = 10

export interface Client {
  /** Of the connections without a session. */
  readonly isWaiting: boolean
  /** Credentials came and are being looked at. */
  readonly isLoggingIn: boolean
  /** Sends a ping; a client that has not answered the one before is gone. */
  ping(): void
  /** Records why it is not served any further, and closes it. */
  cut(refused: RefusedError): void
  /** Reads no more, waits for what is in flight, says goodbye. */
  finish(): Promise<void>
  terminate(): void
}

export interface ClientOptions {
  socket: WebSocket
  connection: Connection
  /** Already opened at the upgrade; else the first frame must bring credentials. */
  session: Session | undefined
  sessions: Sessions
  config: WebSocketConfig
  log: Log
  onClose: () => void
}

/** One connection: takes frames in their order and answers each that has an id. */
export function createClient(options: ClientOptions): Client {
  const { socket, connection, sessions, config, log } = options
  let { session } = options
  let loggingIn = false
  let closed = false
  let finishing = false
  let answered = true
  let bad = 0
  let inFlight = 0
  let held: string[] = []
  let onIdle = () => {}
  const outbox = createOutbox({ socket, maxWaitingBytes: config.maxWaitingKib * 1024, cut })
  const subscriptions = new Map<string, Subscription>()

  const isOpen = (): boolean => socket.readyState === socket.OPEN
  const close = (code: number, reason: string): void => {
    closed = true
    // It may be paused, and has to read the answer to the goodbye.
    socket.resume()
    socket.close(code, reason)
  }

  /** A refusal of our own is recorded by us; core has recorded its own already. */
  function record(action: AdapterRefusal['action'], refused: RefusedError, topic?: string): void {
    if (!Object.hasOwn(webSocketRefusals, refused.code) || refused.reason === 'unavailable') return
    const device = session?.principal.kind === 'device' ? { device: session.principal.id } : {}
    const where = topic === undefined ? {} : { topic }
    sessions.refuse({ protocol, address: connection.address }, { action, refused, ...where, ...device })
  }

  /** Ends a connection that this adapter will not serve any further. */
  function cut(refused: RefusedError): void {
    if (closed) return
    record(session ? 'receive' : 'connect', refused)
    close(words[refused.reason].close, refused.message)
  }

  function begin(): void {
    if (++inFlight >= config.maxInFlight) socket.pause()
  }
  function end(): void {
    inFlight--
    if (inFlight === config.maxInFlight - 1 && !loggingIn && !finishing && isOpen()) socket.resume()
    if (inFlight === 0) onIdle()
  }

  function take(opened: Session): void {
    session = opened
    opened.onEnd((why) => {
      const ending = endings[why]
      if (ending && !closed) close(ending.code, ending.reason)
    })
  }

  async function logIn({ id, user, secret, client }: Frame & { kind: 'auth' }): Promise<void> {
    const { address, encrypted } = connection
    const credentials: Credentials = { kind: 'password', username: user, password: secret }
    loggingIn = true
    // What came with the login waits; nothing more is read before it is settled.
    socket.pause()
    try {
      const clientId = client === undefined ? {} : { clientId: client }
      const opened = await sessions.open({ protocol, address, encrypted, credentials, ...clientId })
      if (closed || !isOpen()) return opened.close()
      take(opened)
    } catch (error) {
      const refused = isRefused(error) ? error : refuse('WS_STOPPING', undefined, error)
      if (!isRefused(error)) log.error('a login failed', { error })
      outbox.error(id, refused)
      return close(words[refused.reason].close, refused.message)
    } finally {
      loggingIn = false
      if (isOpen()) socket.resume()
    }
    outbox.ack(id)
    for (const text of held.splice(0)) handle(text)
  }

  function publish(by: Session, { id, topic, bytes, contentType, retain }: PublishFrame): void {
    begin()
    const how = {
      qos: id === undefined ? 0 : 1,
      retain,
      ...(contentType === undefined ? {} : { contentType }),
    } as const
    by.topic(topic).push(bytes, how, (refused) => {
      end()
      if (id === undefined) return
      if (refused) outbox.error(id, refused)
      else outbox.ack(id)
    })
  }

  async function subscribe(by: Session, id: FrameId | undefined, filter: string): Promise<void> {
    begin()
    try {
      const added = await by.subscribe(filter, (message) => outbox.deliver(by, message), { qos: 1 })
      // The same filter again begins again: the desired shadow and open commands are sent once more.
      subscriptions.get(filter)?.close()
      subscriptions.set(filter, added)
      outbox.ack(id)
    } catch (error) {
      if (!isRefused(error)) log.error('a subscribe failed', { error })
      outbox.error(id, isRefused(error) ? error : refuse('WS_STOPPING', undefined, error))
    } finally {
      end()
    }
  }

  function act(by: Session, frame: Frame): void {
    if (frame.kind === 'publish') publish(by, frame)
    else if (frame.kind === 'subscribe') void subscribe(by, frame.id, frame.filter)
    else if (frame.kind === 'ack') outbox.acknowledged(frame.mid)
    else if (frame.kind === 'unsubscribe') {
      subscriptions.get(frame.filter)?.close()
      subscriptions.delete(frame.filter)
      outbox.ack(frame.id)
    } else throw refuse('WS_FRAME_INVALID', 'This connection has logged in already.')
  }

  function handle(text: string): void {
    if (closed) return
    const asked = parseFrame(text)
    try {
      const frame = toFrame(asked, text)
      if (session) act(session, frame)
      else if (frame.kind === 'auth') void logIn(frame)
      else cut(refuse('WS_AUTH_FIRST'))
    } catch (error) {
      if (!isRefused(error)) throw error
      if (!session) return cut(error)
      record('receive', error)
      outbox.error(idOf(asked), error)
      if (++bad >= maxBadFrames) cut(error)
    }
  }

  socket.on('message', (data, isBinary) => {
    if (isBinary) return cut(refuse('WS_FRAME_INVALID', 'Send text frames.'))
    if (!loggingIn) return handle(toText(data))
    if (held.length >= config.maxInFlight) return cut(refuse('WS_AUTH_FIRST', 'Wait for the answer to the login.'))
    held.push(toText(data))
  })
  socket.on('pong', () => {
    answered = true
    session?.alive()
  })
  socket.on('ping', () => session?.alive())
  // The library has closed with the right code already.
  socket.on('error', (error) => {
    const tooLarge = 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
    closed = true
    record(session ? 'receive' : 'connect', refuse(tooLarge ? 'WS_FRAME_TOO_LARGE' : 'WS_PROTOCOL', undefined, error))
  })
  socket.once('close', () => {
    closed = true
    held = []
    outbox.close()
    session?.close()
    onIdle()
    options.onClose()
  })
  if (session) take(session)

  return {
    get isWaiting() {
      return session === undefined
    },
    get isLoggingIn() {
      return loggingIn
    },
    ping() {
      if (!answered) return socket.terminate()
      answered = false
      if (isOpen()) socket.ping()
    },
    cut,
    async finish() {
      if (closed) return
      finishing = true
      socket.pause()
      if (inFlight > 0) await new Promise<void>((resolve) => (onIdle = resolve))
      close(closeCodes.goingAway, 'The adapter stops.')
    },
    terminate: () => socket.terminate(),
  }
}

const toText = (data: RawData): string =>
  (Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? Buffer.from(data) : data).toString()
