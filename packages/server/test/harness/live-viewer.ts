import { once } from 'node:events'
import type { LiveFrame, LiveRequest, LiveState } from '@patchbay/contracts/live'
import { type RawData, WebSocket } from 'ws'
import { testKey } from './server-process.ts'

/** What a viewer has made of the frames, as docs/live.md tells him to. */
export interface Seen {
  devices: Record<string, any>
  plugins: Record<string, any>
  alerts: Record<string, any>
  jobs: Record<string, any>
  messages: { n: number; [field: string]: any }[]
}
export const emptySeen = (): Seen => ({ devices: {}, plugins: {}, alerts: {}, jobs: {}, messages: [] })

const applyDevices = (seen: Seen, devices: NonNullable<LiveState['devices']>, whole: boolean): void => {
  for (const [id, patch] of Object.entries(devices)) {
    if (patch === null) {
      seen.devices[id] = null
      continue
    }
    const { replace, ...rest } = patch
    const before = whole || replace ? undefined : seen.devices[id]
    seen.devices[id] = {
      ...before,
      ...rest,
      ...(rest.values || before?.values ? { values: { ...before?.values, ...rest.values } } : {}),
      ...(rest.touched || before?.touched ? { touched: { ...before?.touched, ...rest.touched } } : {}),
    }
  }
}

export const applyFrame = (seen: Seen, frame: LiveFrame): void => {
  if ('error' in frame) return
  const whole = 'snapshot' in frame
  const state = whole ? frame.snapshot : 'resumed' in frame ? frame.resumed : frame.change
  applyDevices(seen, state.devices ?? {}, whole)
  Object.assign(seen.plugins, state.plugins)
  Object.assign(seen.alerts, state.alerts)
  Object.assign(seen.jobs, state.jobs)
  const last = seen.messages.at(-1)?.n ?? 0
  if (state.messages) seen.messages.push(...state.messages.items.filter(({ n }) => n > last))
}

export interface LiveViewer {
  readonly socket: WebSocket
  readonly frames: LiveFrame[]
  readonly seen: Seen
  readonly cursor: string | undefined
  readonly closed: Promise<{ code: number; reason: string }>
  send(request: LiveRequest): void
  close(): void
}

/** Opens a live socket; rejects with the HTTP status when the upgrade is refused. */
export const openLive = async (
  port: number,
  headers: Record<string, string> = { authorization: `Bearer ${testKey}` },
  path = '/api/v1/live',
): Promise<LiveViewer> => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers, perMessageDeflate: false })
  const frames: LiveFrame[] = []
  const seen = emptySeen()
  let cursor: string | undefined
  socket.on('message', (data: RawData) => {
    const frame: LiveFrame = JSON.parse(Buffer.isBuffer(data) ? data.toString() : '')
    frames.push(frame)
    applyFrame(seen, frame)
    if ('cursor' in frame) cursor = frame.cursor
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('unexpected-response', (_request, response) => {
      reject(new Error(`status ${response.statusCode}`))
      response.destroy()
    })
    socket.once('error', reject)
    void once(socket, 'open').then(() => resolve(), reject)
  })
  socket.on('error', () => undefined) // 'close' follows and tells
  return {
    socket,
    frames,
    seen,
    get cursor() {
      return cursor
    },
    closed,
    send: (request) => socket.send(JSON.stringify(request)),
    close: () => socket.close(),
  }
}
