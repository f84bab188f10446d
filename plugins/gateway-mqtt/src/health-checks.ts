import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import { open } from './dial.ts'
import type { Failure } from './node-health.ts'
import type { Node } from './node.ts'
import type { LiveUpstream } from './upstream.ts'

type Active = NonNullable<LiveUpstream['document']['checks']>['active']

/** Looks after the nodes of all upstreams that have active checks, from the moment they are configured. */
export interface HealthChecks {
  watch(upstreams: readonly LiveUpstream[]): void
  tick(): void
  close(): void
}

/** A CONNECT of MQTT 3.1.1 with a clean session and no client id: the broker gives it one, and keeps nothing. */
const probe = Buffer.from([0x10, 12, 0, 4, ...Buffer.from('MQTT'), 4, 0x02, 0, 10, 0, 0])
const goodbye = Buffer.from([0xe0, 0])
const connackByte = 0x20

class CheckFailed extends Error {
  readonly failure: Failure
  constructor(failure: Failure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}
const failureOf = (error: unknown): Failure => {
  const failure: unknown = error instanceof Error ? Reflect.get(error, 'failure') : undefined
  return failure === 'timeout' || failure === 'http' ? failure : 'tcp'
}

/** Any CONNACK will do: a broker that refuses strangers is up. */
const awaitConnack = (socket: Socket, timeoutMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CheckFailed('timeout', `no CONNACK within ${timeoutMs} ms`)), timeoutMs)
    const end = (error?: Error): void => {
      clearTimeout(timer)
      if (error) reject(error)
      else resolve()
    }
    socket.once('data', (bytes: Buffer) => {
      if (bytes[0] === connackByte) {
        socket.end(goodbye)
        end()
      } else end(new CheckFailed('tcp', 'what answers there is no MQTT broker'))
    })
    socket.once('close', () => end(new CheckFailed('tcp', 'closed without a CONNACK')))
    socket.write(probe)
  })

/** `Name: value`, as APISIX's users write them. */
const toHeaders = (lines: readonly string[] = []): Record<string, string> =>
  Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\x20-\x7e]*)$/.exec(line) ?? []
      return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value]]
    }),
  )

const askHttp = (active: Active, node: Node, lookup: LookupFunction, timeoutMs: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = active.type === 'https' ? requestHttps : requestHttp
    const good = active.healthy.http_statuses ?? [200, 302]
    const asked = request({
      host: node.host,
      port: active.port ?? node.port,
      path: active.http_path,
      headers: { host: active.host ?? node.host, ...toHeaders(active.req_headers) },
      lookup,
      agent: false,
      timeout: timeoutMs,
      ...(active.type === 'https' ? { rejectUnauthorized: active.https_verify_certificate } : {}),
    })
    asked.once('timeout', () => asked.destroy(new CheckFailed('timeout', `no answer within ${timeoutMs} ms`)))
    asked.once('error', reject)
    asked.once('response', (response) => {
      response.destroy()
      if (good.includes(response.statusCode ?? 0)) resolve()
      else reject(new CheckFailed('http', `answered ${response.statusCode}`))
    })
    asked.end()
  })

async function check(upstream: LiveUpstream, node: Node, active: Active, lookup: LookupFunction): Promise<void> {
  const timeoutMs = active.timeout * 1_000
  if (active.type === 'http' || active.type === 'https') return askHttp(active, node, lookup, timeoutMs)
  const target = active.port === undefined ? node : { ...node, port: active.port }
  const socket = await open(upstream, target, timeoutMs, { serverName: active.host, lookup })
  try {
    if (active.type === 'mqtt') await awaitConnack(socket, timeoutMs)
  } finally {
    socket.destroySoon()
  }
}

export function createHealthChecks(lookup: LookupFunction): HealthChecks {
  let watched: readonly LiveUpstream[] = []
  let ticks = 0
  const busy = new Set<Node>()
  let closed = false

  const run = async (upstream: LiveUpstream, node: Node, active: Active): Promise<void> => {
    busy.add(node)
    try {
      await check(upstream, node, active, lookup)
      if (!closed) upstream.active.success(node)
    } catch (error) {
      if (!closed)
        upstream.active.failure(node, failureOf(error), error instanceof Error ? error.message : String(error))
    } finally {
      busy.delete(node)
    }
  }
  return {
    watch: (upstreams) => void (watched = upstreams),
    tick() {
      ticks += 1
      for (const upstream of watched) {
        const active = upstream.document.checks?.active
        if (!active) continue
        let free = active.concurrency - upstream.nodes.filter((node) => busy.has(node)).length
        for (const node of upstream.nodes) {
          const interval = node.state === 'healthy' ? active.healthy.interval : active.unhealthy.interval
          if (node.local || busy.has(node) || ticks % interval !== 0 || free <= 0) continue
          free -= 1
          void run(upstream, node, active)
        }
      }
    },
    close: () => void (closed = true),
  }
}
