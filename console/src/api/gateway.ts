import type { Values } from '../form/schema.ts'
import { isRecord } from '../form/schema.ts'
import { ApiProblem, part } from './client.ts'

/** The kinds of objects of the gateway's Admin API. */
export type GatewayKind = 'stream_routes' | 'upstreams' | 'services' | 'ssls'

export interface GatewayObject {
  id: string
  value: Values
  /** Changes with every write. */
  modifiedIndex: number
  /** A file that it is written in; then it is only read here. */
  owner?: string
}

const call = async (method: string, path: string, body?: unknown, seen?: number): Promise<unknown> => {
  let response: Response
  try {
    response = await fetch(`/apisix/admin/${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(seen === undefined ? {} : { 'if-match': `"${seen}"` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (cause) {
    throw new ApiProblem({ status: 0, code: 'NETWORK', title: 'Patchbay does not answer' }, { cause })
  }
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const answer: unknown = isJson ? await response.json() : undefined
  if (response.ok) return answer
  const said = isRecord(answer) ? (answer['error_msg'] ?? answer['message'] ?? answer['detail']) : undefined
  throw new ApiProblem({ status: response.status, ...(typeof said === 'string' ? { detail: said } : {}) })
}

const toObject = (answer: unknown): GatewayObject => {
  const { key, value, modifiedIndex, owner } = isRecord(answer) ? answer : {}
  return {
    id: String(key).split('/').at(-1) ?? '',
    value: Object.fromEntries(
      Object.entries(isRecord(value) ? value : {}).filter(([name]) => !/^(id|create_time|update_time)$/.test(name)),
    ),
    modifiedIndex: typeof modifiedIndex === 'number' ? modifiedIndex : 0,
    ...(typeof owner === 'string' ? { owner } : {}),
  }
}

/** The gateway's objects, with the session's cookie. Rejects with ApiProblem only. */
export const gatewayApi = {
  async list(kind: GatewayKind): Promise<GatewayObject[]> {
    const answer = await call('GET', kind)
    return isRecord(answer) && Array.isArray(answer['list']) ? answer['list'].map(toObject) : []
  },
  get: async (kind: GatewayKind, id: string): Promise<GatewayObject> =>
    toObject(await call('GET', `${kind}/${part(id)}`)),
  /** Under the given id, or under one that is made. */
  create: async (kind: GatewayKind, id: string, value: Values): Promise<GatewayObject> =>
    toObject(await call('POST', kind, { ...value, ...(id === '' ? {} : { id }) }, id === '' ? undefined : 0)),
  patch: async (kind: GatewayKind, { id, modifiedIndex }: GatewayObject, patch: Values): Promise<GatewayObject> =>
    toObject(await call('PATCH', `${kind}/${part(id)}`, patch, modifiedIndex)),
  remove: (kind: GatewayKind, id: string): Promise<unknown> => call('DELETE', `${kind}/${part(id)}`),
}
