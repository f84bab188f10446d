import { testKey } from './server-process.ts'

export interface Answer<T = unknown> {
  status: number
  body: T
  headers: Headers
}

/** REST with the suites' owner key. */
export const createApi = (url: string, key: string | undefined = testKey) => {
  const call = async <T = any>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const json = response.headers.get('content-type')?.includes('json')
    return { status: response.status, body: (json && text ? JSON.parse(text) : text) as T, headers: response.headers }
  }
  return {
    get: <T = any>(path: string, headers?: Record<string, string>) => call<T>('GET', path, undefined, headers),
    post: <T = any>(path: string, body?: unknown, headers?: Record<string, string>) =>
      call<T>('POST', path, body ?? {}, headers),
    put: <T = any>(path: string, body?: unknown, headers?: Record<string, string>) =>
      call<T>('PUT', path, body ?? {}, headers),
    patch: <T = any>(path: string, body?: unknown, headers?: Record<string, string>) =>
      call<T>('PATCH', path, body ?? {}, headers),
    delete: <T = any>(path: string, headers?: Record<string, string>) => call<T>('DELETE', path, undefined, headers),
  }
}
export type Api = ReturnType<typeof createApi>

export interface TestDevice {
  id: string
  secret: string
}

export const createDevice = async (api: Api, id: string): Promise<TestDevice> => {
  const answer = await api.post('/api/v1/devices', { id })
  if (answer.status !== 201) throw new Error(`creating ${id}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return { id, secret: answer.body.credentials.password }
}

/** Every stored point of a device, by raw pages. */
export const readAll = async (api: Api, id: string, key: string): Promise<{ at: string; value: unknown }[]> => {
  const items: { at: string; value: unknown }[] = []
  let cursor: string | undefined
  do {
    const query = new URLSearchParams({
      raw: 'true',
      keys: key,
      from: '0',
      limit: '10000',
      ...(cursor ? { cursor } : {}),
    })
    const answer = await api.get(`/api/v1/devices/${id}/telemetry?${query}`)
    if (answer.status !== 200) throw new Error(`reading ${id}: ${answer.status} ${JSON.stringify(answer.body)}`)
    items.push(...answer.body.items)
    cursor = answer.body.nextCursor
  } while (cursor)
  return items
}
