import { isObject } from './exact-json.ts'

/** The platform refused or could not be reached; the message says which and why. */
export class RestError extends Error {
  override readonly name = 'RestError'
  readonly status: number
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** The platform's REST API, as far as the simulator needs it. */
export interface Rest {
  get(path: string): Promise<unknown>
  post(path: string, body: unknown): Promise<unknown>
  put(path: string, body: unknown): Promise<unknown>
  delete(path: string): Promise<void>
}

const requestTimeoutMs = 30_000

const toWord = (value: unknown) => (typeof value === 'string' ? value : '')

export function createRest(url: URL, key: string): Rest {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const where = `${method} ${path}`
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    }).catch((cause: unknown) => {
      throw new RestError(0, `${where}: the platform does not answer at ${url.origin}. Is it running?`, { cause })
    })
    const text = await response.text()
    const answer: unknown = text === '' ? undefined : JSON.parse(text)
    if (response.ok) return answer
    const detail = isObject(answer) ? `${toWord(answer['code'])}: ${toWord(answer['detail'])}` : text.slice(0, 200)
    throw new RestError(response.status, `${where} answered ${response.status} ${detail}`)
  }
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    delete: async (path) => {
      await call('DELETE', path)
    },
  }
}
