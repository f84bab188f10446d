import http from 'node:http'
import https from 'node:https'

export interface Page {
  status: number
  body: any
  /** `Set-Cookie`, whole. */
  setCookie: string | undefined
}

/** REST as a person's browser speaks it: a cookie, `Origin` and `Sec-Fetch-Site` of the own pages. `https:` takes any certificate. */
export const createBrowser = (url: string, more: { headers?: Record<string, string> } = {}) => {
  const { origin, protocol } = new URL(url)
  let cookie: string | undefined
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Page> =>
    new Promise((resolve, reject) => {
      const request = (protocol === 'https:' ? https : http).request(
        url + path,
        {
          method,
          agent: false,
          ...(protocol === 'https:' ? { rejectUnauthorized: false } : {}),
          headers: {
            origin,
            'sec-fetch-site': 'same-origin',
            ...(cookie === undefined ? {} : { cookie }),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...more.headers,
            ...headers,
          },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => (text += chunk))
          response.on('end', () => {
            const setCookie = response.headers['set-cookie']?.[0]
            if (setCookie !== undefined) cookie = setCookie.split(';')[0]
            const isJson = response.headers['content-type']?.includes('json') && text !== ''
            resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text, setCookie })
          })
        },
      )
      request.on('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  return {
    get: (path: string, headers?: Record<string, string>) => call('GET', path, undefined, headers),
    post: (path: string, body: unknown = {}, headers?: Record<string, string>) => call('POST', path, body, headers),
    put: (path: string, body: unknown, headers?: Record<string, string>) => call('PUT', path, body, headers),
    patch: (path: string, body: unknown, headers?: Record<string, string>) => call('PATCH', path, body, headers),
    delete: (path: string, headers?: Record<string, string>) => call('DELETE', path, undefined, headers),
    cookie: () => cookie,
  }
}
export type Browser = ReturnType<typeof createBrowser>
