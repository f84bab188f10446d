import type { Problem } from '@patchbay/contracts/problem'

/** A refusal of the platform, or the network's: `code` is NETWORK when there was no answer at all. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  readonly code: string
  readonly title: string
  readonly requestId: string
  readonly fields: NonNullable<Problem['errors']>

  constructor(problem: Partial<Problem> & { status: number }, options?: ErrorOptions) {
    super(problem.detail ?? problem.title ?? 'No answer', options)
    this.status = problem.status
    this.code = problem.code ?? 'UNKNOWN'
    this.title = problem.title ?? ''
    this.requestId = problem.requestId ?? ''
    this.fields = problem.errors ?? []
  }
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

const toSearch = (query: Query): string => {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(key, String(value))
  }
  const text = search.toString()
  return text && `?${text}`
}

let onEnded: () => void = () => {}
/** What to do when the session is over; the session's own calls are left out. */
export const whenSessionEnds = (work: () => void): void => {
  onEnded = work
}

interface Options {
  query?: Query
  body?: unknown
  headers?: Record<string, string>
  /** A body that is no JSON, such as CSV or a packed plugin. */
  text?: { type: string; body: string | Blob }
}

// The server validates by the very schemas that the callers' types are made from, so an answer is taken at its word here, once.
const call = async <T>(
  method: string,
  path: string,
  { query = {}, body, headers = {}, text }: Options = {},
): Promise<T> => {
  let response: Response
  try {
    response = await fetch(`/api/v1${path}${toSearch(query)}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(text === undefined ? {} : { 'content-type': text.type }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(text === undefined ? {} : { body: text.body }),
    })
  } catch (cause) {
    throw new ApiProblem({ status: 0, code: 'NETWORK', title: 'Patchbay does not answer' }, { cause })
  }
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const answer = isJson ? await response.json() : undefined
  if (response.ok) return answer
  if (response.status === 401 && path !== '/session') onEnded()
  throw new ApiProblem({ ...answer, status: response.status })
}

/** REST under /api/v1, with the session's cookie. Rejects with ApiProblem only. */
export const api = {
  get: <T>(path: string, query: Query = {}) => call<T>('GET', path, { query }),
  post: <T>(path: string, body?: unknown, more: Omit<Options, 'body'> = {}) => call<T>('POST', path, { body, ...more }),
  put: <T>(path: string, body: unknown, version?: number) =>
    call<T>('PUT', path, { body, ...(version === undefined ? {} : { headers: { 'if-match': `"${version}"` } }) }),
  patch: <T>(path: string, body: unknown, version?: number) =>
    call<T>('PATCH', path, { body, ...(version === undefined ? {} : { headers: { 'if-match': `"${version}"` } }) }),
  delete: <T = void>(path: string, query: Query = {}) => call<T>('DELETE', path, { query }),
}

/** A part of an address from a name that somebody else chose. */
export const part = (text: string): string => encodeURIComponent(text)
