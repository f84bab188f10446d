import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Notification } from '@patchbay/contracts/notification'

export interface AlertSinkServer {
  readonly url: string
  /** How often each idempotency key came. */
  readonly tries: ReadonlyMap<string, number>
  /** Rules of which a notification came, and when the first one did, ms. */
  readonly rules: ReadonlyMap<string, number>
  close(): Promise<void>
}

/** A real remote that takes notifications and counts them. */
export const startAlertSink = async (): Promise<AlertSinkServer> => {
  const tries = new Map<string, number>()
  const rules = new Map<string, number>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { notification } = JSON.parse(Buffer.concat(chunks).toString()) as { notification: Notification }
      tries.set(notification.id, (tries.get(notification.id) ?? 0) + 1)
      if (!rules.has(notification.rule.id)) rules.set(notification.rule.id, performance.now())
      response.end('thank you')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}/`,
    tries,
    rules,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
