import type { FieldError } from '@patchbay/contracts/problem'
import type { InsideAnswer, InsideRequest } from '../rest/inside.ts'
import { type Kind, kinds } from './kinds.ts'
import { type Fields, isFields } from './plain-value.ts'

/** Asks the platform's REST on behalf of whoever reads or applies. */
export type Ask = (request: InsideRequest) => Promise<InsideAnswer>

export interface Refusal {
  code: string
  detail: string
  errors?: FieldError[]
}

/** The platform would not answer, or not do what was asked. */
export class AskRefused extends Error {
  override readonly name = 'AskRefused'
  readonly status: number
  readonly refusal: Refusal
  constructor(status: number, refusal: Refusal, options?: ErrorOptions) {
    super(refusal.detail, options)
    this.status = status
    this.refusal = refusal
  }
}

const textIn = (body: unknown, name: string): string | undefined => {
  const value = isFields(body) ? body[name] : undefined
  return typeof value === 'string' ? value : undefined
}

const isFieldError = (value: unknown): value is FieldError =>
  isFields(value) &&
  typeof value['path'] === 'string' &&
  typeof value['code'] === 'string' &&
  typeof value['message'] === 'string'

const toRefusal = ({ status, body }: InsideAnswer): Refusal => {
  const errors = isFields(body) && Array.isArray(body['errors']) ? body['errors'].filter(isFieldError) : []
  return {
    code: textIn(body, 'code') ?? (status === 400 ? 'REQUEST_INVALID' : `HTTP_${status}`),
    detail: textIn(body, 'detail') ?? textIn(body, 'error_msg') ?? `It was answered with ${status}.`,
    ...(errors.length > 0 ? { errors } : {}),
  }
}

/** The answer's body, or a throw of AskRefused. */
export async function askFor(ask: Ask, request: InsideRequest): Promise<unknown> {
  const answer = await ask(request)
  if (answer.status >= 400) throw new AskRefused(answer.status, toRefusal(answer))
  return answer.body
}

const itemsOf = (body: unknown, name = 'items'): Fields[] => {
  const items = isFields(body) ? body[name] : undefined
  return Array.isArray(items) ? items.filter(isFields) : []
}

const pageSize = 200

async function readPages(ask: Ask, list: string): Promise<Fields[]> {
  const found: Fields[] = []
  let cursor: string | undefined
  do {
    const more = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const body = await askFor(ask, { method: 'GET', url: `${list}?limit=${pageSize}${more}` })
    found.push(...itemsOf(body))
    cursor = textIn(body, 'nextCursor')
  } while (cursor !== undefined)
  return found
}

const isAlertPlugin = (plugin: Fields): boolean => {
  const manifest = isFields(plugin['manifest']) ? plugin['manifest'] : {}
  const contributes = isFields(manifest['contributes']) ? manifest['contributes'] : {}
  return Array.isArray(contributes['alertChannels']) && contributes['alertChannels'].length > 0
}

/** Instances of alert plugins are channels, and stand there. */
async function readInstances(ask: Ask): Promise<Fields[]> {
  const found: Fields[] = []
  for (const plugin of itemsOf(await askFor(ask, { method: 'GET', url: '/api/v1/plugins' }))) {
    const { id, instances } = plugin
    if (typeof id !== 'string' || isAlertPlugin(plugin)) continue
    if (!Array.isArray(instances) || instances.length === 0) continue
    found.push(...itemsOf(await askFor(ask, { method: 'GET', url: `/api/v1/plugins/${id}/instances` })))
  }
  return found
}

/** Without the gateway there is nothing of it; its writes are refused one by one. */
async function readGateway(ask: Ask, list: string): Promise<Fields[]> {
  const { status, body } = await ask({ method: 'GET', url: list })
  if (status === 404) return []
  if (status >= 400) throw new AskRefused(status, toRefusal({ status, body }))
  return itemsOf(body, 'list')
}

/** All things of one kind as a document would have them. */
export async function readCurrent(ask: Ask, kind: Kind): Promise<Fields[]> {
  let answers: Fields[]
  if (kind.gateway) answers = await readGateway(ask, kind.list)
  else if (kind.name === 'instances') answers = await readInstances(ask)
  else answers = await readPages(ask, kind.list)
  return answers.flatMap((answer): Fields[] => {
    const thing = kind.shown(answer)
    return thing ? [thing] : []
  })
}

/** What is there, kind by kind. */
export type Current = ReadonlyMap<Kind, readonly Fields[]>

export async function readAll(ask: Ask, wanted: ReadonlySet<Kind> = new Set(kinds)): Promise<Current> {
  const current = new Map<Kind, readonly Fields[]>()
  for (const kind of kinds) if (wanted.has(kind)) current.set(kind, await readCurrent(ask, kind))
  return current
}
