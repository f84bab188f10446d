import type { LiveFrame, LiveKind, LiveState } from '@patchbay/contracts/live'
import { reactive, readonly } from 'vue'
import { retryAfterMs } from './state.ts'

export type Piece = {
  state: LiveState
  /** It replaces what was known of its ids. */ whole: boolean
  /** A snapshot's first frame. */ first: boolean
}
interface Subscription {
  kind: LiveKind
  ids: readonly string[]
  take(piece: Piece): void
  cursor: string | undefined
  complete: boolean
  within: boolean
}

interface Status {
  state: 'off' | 'open' | 'waiting'
  retryAt: number
  refused: string
}
const status = reactive<Status>({ state: 'off', retryAt: 0, refused: '' })
/** How the tab's one socket does. */
export const liveStatus = readonly(status)

const subscriptions = new Map<string, Subscription>()
let socket: WebSocket | undefined
let tries = 0
let timer: ReturnType<typeof setTimeout> | undefined
let queue: LiveFrame[] = []
let framed = false

const send = (message: unknown): void => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
}
const subscribe = (name: string, { kind, ids, cursor, complete }: Subscription): void => {
  if (ids.length > 0) send({ subscribe: { kind, ids, name }, ...(cursor !== undefined && complete ? { cursor } : {}) })
}

const apply = (frame: LiveFrame): void => {
  if ('error' in frame) {
    status.refused = frame.error.detail
    return
  }
  if ('change' in frame) {
    for (const each of subscriptions.values()) {
      if (frame.change[each.kind] !== undefined) each.take({ state: frame.change, whole: false, first: false })
      each.cursor = frame.cursor
    }
    return
  }
  const subscription = subscriptions.get(frame.name)
  if (!subscription) return
  subscription.cursor = frame.cursor
  if ('snapshot' in frame) {
    subscription.take({ state: frame.snapshot, whole: true, first: !subscription.within })
    subscription.within = frame.more === true
    subscription.complete = frame.more !== true
  } else subscription.take({ state: frame.resumed, whole: false, first: false })
}

// Once an animation frame, so that a storm of frames costs one rendering; a hidden tab gets no animation frames and waits a while.
const flush = (): void => {
  framed = false
  const frames = queue
  queue = []
  for (const frame of frames) apply(frame)
}
const hiddenFlushMs = 2000
const schedule = (): void => {
  if (framed) return
  framed = true
  if (document.hidden) setTimeout(flush, hiddenFlushMs)
  else requestAnimationFrame(flush)
}

let onRefused: () => void = () => {}
/** What to do when the platform ends the socket itself, or does not let it in: the session may be over. */
export const whenLiveIsRefused = (work: () => void): void => {
  onRefused = work
}
const refused = 1008

const connect = (): void => {
  clearTimeout(timer)
  timer = undefined
  const mine = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/v1/live`)
  socket = mine
  mine.addEventListener('open', () => {
    tries = 0
    status.state = 'open'
    for (const [name, each] of subscriptions) subscribe(name, each)
  })
  mine.addEventListener('message', ({ data }: MessageEvent<string>) => {
    queue.push(JSON.parse(data))
    schedule()
  })
  mine.addEventListener('close', ({ code }) => {
    if (socket !== mine) return
    socket = undefined
    if (subscriptions.size === 0) {
      status.state = 'off'
      return
    }
    if (code === refused || tries === 1) onRefused()
    const waitMs = retryAfterMs(tries++, Math.random())
    status.state = 'waiting'
    status.retryAt = Date.now() + waitMs
    timer = setTimeout(connect, waitMs)
  })
}

let counter = 0
/** Follows ids of a kind over the tab's one socket. `follow` again changes the ids; `stop` when nobody looks any more. */
export const createSubscription = (kind: LiveKind, take: (piece: Piece) => void) => {
  const name = `${kind}-${++counter}`
  return {
    follow(ids: readonly string[]): void {
      const known = subscriptions.get(name)
      if (ids.length === 0) return this.stop()
      if (known && known.ids.length === ids.length && known.ids.every((id, at) => id === ids[at])) return
      const subscription: Subscription = { kind, ids, take, cursor: undefined, complete: false, within: false }
      subscriptions.set(name, subscription)
      if (!socket && timer === undefined) connect()
      else subscribe(name, subscription)
    },
    stop(): void {
      if (subscriptions.delete(name)) send({ unsubscribe: { name } })
    },
  }
}

/** Ends the socket, as at sign-out. */
export const closeLive = (): void => {
  clearTimeout(timer)
  timer = undefined
  subscriptions.clear()
  socket?.close()
  status.state = 'off'
}
