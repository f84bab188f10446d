import { LiveRequest } from '@patchbay/contracts/live'
import type { Clock } from '@patchbay/core/clock'
import type { Caller } from '@patchbay/core/people/caller'
import type { Log } from '@patchbay/sdk'
import { Compile } from 'typebox/compile'
import type { RawData, WebSocket } from 'ws'
import type { Admitted } from '../rest/auth.ts'
import type { Delivery, Follower } from './delivery.ts'
import { closeCodes, LiveError } from './errors.ts'
import { toState } from './frame.ts'
import { liveLimits } from './limits.ts'
import { toSnapshot } from './snapshot.ts'
import { createSubscriptions, missingFor, type Sources, type Subscribed } from './subscriptions.ts'

const request = Compile(LiveRequest)

export interface Viewer {
  readonly caller: Caller
  /** Bytes for him that the network has not taken yet. */
  readonly waitingBytes: number
  /** Looks whether he still may see what he sees, and closes the socket if not. */
  recheck(): Promise<void>
  close(code: number, reason: string): void
  terminate(): void
}

export interface ViewerOptions {
  socket: WebSocket
  admitted: Admitted
  delivery: Delivery
  sources: Sources
  clock: Clock
  log: Log
  onClose: (viewer: Viewer) => void
}

/** One socket: takes requests in turn, and answers each. */
export function createViewer({ socket, admitted, delivery, sources, clock, log, onClose }: ViewerOptions): Viewer {
  let { caller } = admitted
  let waiting = 0
  let bad = 0
  let failures = 0
  let answered = true
  let turn = Promise.resolve()
  let cancelPing = () => {}
  let cancelRecheck = () => {}

  const follower: Follower = {
    told: 0,
    outlet: {
      get waitingBytes() {
        return socket.bufferedAmount
      },
      send: (frame) => socket.send(frame, { binary: false }),
      tooSlow: () => close(closeCodes.tryLater, 'You are too far behind. Follow less, or begin again.'),
    },
  }
  const subscriptions = createSubscriptions(delivery, sources, follower)
  const isOpen = (): boolean => socket.readyState === socket.OPEN

  function close(code: number, reason: string): void {
    subscriptions.close()
    socket.close(code, reason)
  }

  /** Resolves when the network has taken it. */
  const write = (text: string): Promise<void> =>
    new Promise((resolve) => {
      if (isOpen()) socket.send(text, () => resolve())
      else resolve()
    })

  function answer(text: string): void {
    if (socket.bufferedAmount > liveLimits.waitingOutBytes)
      close(closeCodes.tryLater, 'You ask for more than you read.')
    else if (isOpen()) socket.send(text)
  }

  async function tell({ name, items, from }: Subscribed): Promise<void> {
    const cursor = delivery.cursorOf(follower.told)
    const named = JSON.stringify(name)
    if (from !== undefined) {
      const state = toState(items, (item) => item.after(from, follower.told))
      await write(`{"resumed":{${state}},"name":${named},"cursor":"${cursor}"}`)
      return
    }
    for (const { state, last } of toSnapshot(items, () => follower.told)) {
      if (!isOpen()) return
      const end = last ? `"cursor":"${delivery.cursorOf(follower.told)}"` : '"more":true'
      await write(`{"snapshot":{${state}},"name":${named},${end}}`)
    }
  }

  async function take(text: string): Promise<void> {
    const asked = toRequest(text)
    if ('unsubscribe' in asked) subscriptions.remove(asked.unsubscribe.name)
    else await tell(await subscriptions.add(asked, () => caller))
  }

  async function handle(text: string): Promise<void> {
    try {
      if (isOpen()) await take(text)
    } catch (error) {
      if (!(error instanceof LiveError)) {
        log.error('a live request failed', { error })
        close(closeCodes.tryLater, 'Something went wrong inside; it was logged.')
        return
      }
      if (error.code === 'LIVE_FRAME_INVALID' && ++bad > liveLimits.badRequests) {
        close(closeCodes.policy, 'Too many frames that are not as described.')
        return
      }
      answer(JSON.stringify({ error: { code: error.code, detail: error.message } }))
    } finally {
      waiting--
    }
  }

  async function recheck(): Promise<void> {
    try {
      const now = await admitted.again()
      failures = 0
      if (!now) return close(closeCodes.policy, 'The session or key has ended. Log in again.')
      caller = now
      for (const kind of subscriptions.kinds()) {
        const missing = missingFor(kind, now)
        if (missing) return close(closeCodes.policy, `You have lost the permission ${missing}.`)
      }
    } catch (error) {
      log.warn('the rights of a live viewer could not be looked at', { error })
      if (++failures >= 2) close(closeCodes.tryLater, 'Your rights cannot be looked at now. Come again later.')
    }
  }

  function recheckLater(): void {
    cancelRecheck = clock.after(liveLimits.recheckEveryMs, () => {
      void recheck().then(() => isOpen() && recheckLater())
    })
  }
  function pingLater(): void {
    cancelPing = clock.after(liveLimits.pingEveryMs, () => {
      // Whoever does not read does not answer either.
      if (!answered) return socket.terminate()
      answered = false
      socket.ping()
      pingLater()
    })
  }

  const viewer: Viewer = {
    get caller() {
      return caller
    },
    get waitingBytes() {
      return socket.bufferedAmount
    },
    recheck,
    close,
    terminate: () => socket.terminate(),
  }
  socket.on('message', (data, binary) => {
    if (++waiting > liveLimits.requestsWaiting) {
      close(closeCodes.policy, 'Too many requests at once.')
      return
    }
    const text = binary ? '' : toText(data)
    turn = turn.then(() => handle(text))
  })
  socket.on('pong', () => (answered = true))
  socket.on('ping', (data) => {
    if (socket.bufferedAmount <= liveLimits.waitingOutBytes && isOpen()) socket.pong(data)
  })
  // Too large a frame or bytes that are no WebSocket: the library has closed with the right code already.
  socket.on('error', (error) => log.debug('a live socket failed', { error }))
  socket.once('close', () => {
    cancelPing()
    cancelRecheck()
    subscriptions.close()
    onClose(viewer)
  })
  pingLater()
  recheckLater()
  return viewer
}

function toText(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString()
  return data instanceof ArrayBuffer ? Buffer.from(data).toString() : data.toString()
}

function toRequest(text: string): LiveRequest {
  let asked: unknown
  try {
    asked = JSON.parse(text)
  } catch (cause) {
    throw new LiveError('LIVE_FRAME_INVALID', 'Send text frames of JSON.', { cause })
  }
  if (request.Check(asked)) return asked
  throw new LiveError(
    'LIVE_FRAME_INVALID',
    'Send {"subscribe": {"kind", "ids"}}, 1 to 200 ids, or {"unsubscribe": {"name"}}.',
  )
}
