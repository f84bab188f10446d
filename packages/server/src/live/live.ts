import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { DeviceEvent } from '@patchbay/core/devices/port'
import type { HubEvent } from '@patchbay/core/sessions/hub-event'
import type { Log } from '@patchbay/sdk'
import { WebSocketServer } from 'ws'
import { type Admitted, admitUpgrade } from '../rest/auth.ts'
import { RestError } from '../rest/errors.ts'
import type { GeneralDeps, RestDeps } from '../rest/route-deps.ts'
import { createAlertSource } from './alert-source.ts'
import { createDelivery, type DeliveryStats } from './delivery.ts'
import { createDeviceSource } from './device-source.ts'
import { closeCodes } from './errors.ts'
import { createJobSource } from './job-source.ts'
import { liveLimits } from './limits.ts'
import { createMessageSource } from './message-source.ts'
import { createPluginSource } from './plugin-source.ts'
import { refuseUpgrade } from './refusal.ts'
import type { Sources } from './subscriptions.ts'
import { createViewer, type Viewer } from './viewer.ts'

export const livePath = '/api/v1/live'

export interface LiveDeps extends Pick<
  RestDeps,
  'clock' | 'people' | 'hub' | 'devices' | 'telemetry' | 'plugins' | 'alerting'
> {
  /** What identifies a caller. */
  rest: GeneralDeps
  onEvent(hear: (event: DeviceEvent | HubEvent) => void): void
  log: Log
}

/** The WebSocket by which consoles follow what happens. It is lossy, and nothing that devices do ever waits for it. */
export interface Live {
  /** Takes an upgrade; false = not of this path. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean
  stats(): DeliveryStats & { viewers: number; waitingBytes: number }
  close(): Promise<void>
}

export function createLive(deps: LiveDeps): Live {
  const { clock, people, hub, log } = deps
  const failed = (error: unknown): void => log.warn('something followed live could not be read', { error })
  const delivery = createDelivery({ clock, epoch: randomBytes(6).toString('base64url') })
  const common = { clock, pulse: delivery.pulse, budget: { followed: 0 }, failed }
  const devices = createDeviceSource({ ...common, devices: deps.devices, telemetry: deps.telemetry, hub })
  const sources: Sources = {
    devices,
    plugins: createPluginSource({ ...common, plugins: deps.plugins }),
    messages: createMessageSource({ ...common, hub }),
    alerts: createAlertSource({ ...common, alerts: deps.alerting.alerts }),
    jobs: createJobSource({ ...common, jobs: deps.alerting.jobs }),
  }
  const viewers = new Set<Viewer>()
  let opening = 0
  let closing: Promise<void> | undefined
  let emptied = () => {}
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: liveLimits.frameInBytes,
    // A window of its own for each viewer would cost more memory than all that is kept for him.
    perMessageDeflate: false,
    autoPong: false,
  })

  deps.onEvent((event) => devices.follow(event))
  const recheckAll = (concerned: (viewer: Viewer) => boolean): void => {
    for (const viewer of viewers) if (concerned(viewer)) void viewer.recheck()
  }
  people.sessions.onEnd((ended) =>
    recheckAll(({ caller }) =>
      'id' in ended ? caller.session === ended.id : caller.kind === 'user' && caller.id === ended.user,
    ),
  )
  people.apiKeys.onEnd((id) => recheckAll(({ caller }) => caller.kind === 'key' && caller.id === id))

  async function admit(raw: IncomingMessage, socket: Duplex): Promise<Admitted | undefined> {
    try {
      if (closing) throw new RestError('TIMEOUT', 'The platform is shutting down.')
      return await admitUpgrade(raw, deps.rest)
    } catch (error) {
      if (!(error instanceof RestError)) log.error('a live viewer could not be identified', { error })
      const refused = error instanceof RestError ? error : new RestError('INTERNAL', 'The fault was logged.')
      refuseUpgrade(socket, refused)
      return undefined
    }
  }

  async function open(raw: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const full = viewers.size + opening >= liveLimits.sockets
    opening++
    const admitted = await admit(raw, socket)
    opening--
    if (!admitted || socket.destroyed) return
    server.handleUpgrade(raw, socket, head, (webSocket) => {
      if (full || closing) {
        webSocket.on('error', () => webSocket.terminate())
        webSocket.close(closeCodes.tryLater, closing ? 'The platform stops.' : 'Too many viewers. Come again later.')
        return
      }
      const onClose = (viewer: Viewer): void => {
        viewers.delete(viewer)
        if (viewers.size === 0) emptied()
      }
      viewers.add(createViewer({ socket: webSocket, admitted, delivery, sources, clock, log, onClose }))
    })
  }

  async function close(): Promise<void> {
    const empty = new Promise<void>((resolve) => (emptied = resolve))
    for (const viewer of viewers) viewer.close(closeCodes.goingAway, 'The platform stops.')
    if (viewers.size > 0) {
      const cancel = clock.after(liveLimits.closeMs, () => emptied())
      await empty
      cancel()
    }
    for (const viewer of viewers) viewer.terminate()
    delivery.close()
    for (const source of Object.values(sources)) source.close()
  }

  return {
    upgrade(raw, socket, head) {
      const [path] = (raw.url ?? '').split('?', 1)
      if (path !== livePath) return false
      socket.on('error', () => socket.destroy())
      void open(raw, socket, head)
      return true
    },
    stats() {
      let waitingBytes = 0
      for (const viewer of viewers) waitingBytes += viewer.waitingBytes
      return { ...delivery.stats(), viewers: viewers.size, waitingBytes }
    },
    close: () => (closing ??= close()),
  }
}
