import type { IncomingMessage, RequestListener } from 'node:http'
import type { Caller } from '@patchbay/core/people/caller'
import type { ConnectionPeer } from './route-deps.ts'

/** On whose behalf the platform asks itself. */
export interface Insider {
  caller: Caller
  peer: ConnectionPeer
  /** The configuration that may change what its files own. */
  ownsFiles?: true
}

export interface InsideRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  body?: unknown
}

export interface InsideAnswer {
  status: number
  body: unknown
}

export type Inside = (insider: Insider, request: InsideRequest) => Promise<InsideAnswer>

// By the request object itself: nothing that comes over a network can be in here.
const insiders = new WeakMap<IncomingMessage, Insider>()

export const insiderOf = (raw: IncomingMessage): Insider | undefined => insiders.get(raw)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: nobody asks for more than the text.
    return text
  }
}

/** Asks the platform's own HTTP without a connection: the same validation, rights and audit as for anybody. */
export const createInside =
  (listener: RequestListener): Inside =>
  async (insider, { method, url, body }) => {
    const { inject } = await import('light-my-request')
    const answer = await inject(
      (request, response) => {
        insiders.set(request, insider)
        listener(request, response)
      },
      {
        method,
        url,
        ...(body === undefined
          ? {}
          : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      },
    )
    return { status: answer.statusCode, body: answer.payload === '' ? undefined : parse(answer.payload) }
  }
