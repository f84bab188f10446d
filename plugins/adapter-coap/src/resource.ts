import type { Delivery, Session } from '@patchbay/sdk'
import { refuse } from './errors.ts'

/** What a device may GET and observe. */
export type Resource = 'commands' | 'shadow'

/** Which resource of which device a path names. */
export function toResource(levels: readonly string[]): { resource: Resource; device: string } | undefined {
  const [root, device, area, last, ...rest] = levels
  if (root !== 'devices' || !device || rest.length > 0) return undefined
  if (area === 'commands' && last === undefined) return { resource: 'commands', device }
  return area === 'shadow' && last === 'desired' ? { resource: 'shadow', device } : undefined
}

/** Only the device itself has what the platform keeps for it. */
export function assertOwn(session: Pick<Session, 'principal'>, device: string): void {
  if (session.principal.kind !== 'device' || session.principal.id !== device) throw refuse('COAP_NOT_A_DEVICE')
}

/** A delivery in the form that a GET of its resource answers. */
export function notificationOf(resource: Resource, { topic, bytes }: Delivery): unknown {
  const document: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
  if (resource === 'shadow') return document
  return [{ id: topic.slice(topic.lastIndexOf('/') + 1), ...Object(document) }]
}
