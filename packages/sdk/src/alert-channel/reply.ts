import { type DeliveryAnswer, maxReplyChars } from '@patchbay/contracts/notification'
import type { IncomingHttpHeaders } from 'node:http'

/** A remote's wish to wait is believed up to here. */
export const maxWaitMs = 24 * 3_600_000
const leastSecret = 4
const leastToken = 16

/** Takes secrets out of what a remote said: one that tells back what it was sent must not put them into a timeline. */
export function hideSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  let clean = text
  for (const secret of secrets) {
    if (secret === undefined || secret.length < leastSecret) continue
    for (const form of new Set([secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]))
      clean = clean.replaceAll(form, '[secret]')
  }
  return clean
}

/** What must not be told of an address that is a secret by itself: the whole, its path, and every part that could be a token. */
export function toUrlSecrets(address: string): string[] {
  const url = URL.parse(address)
  if (!url) return [address]
  const parts = [...url.pathname.split('/'), ...url.searchParams.values()].filter((part) => part.length >= leastToken)
  return [address, `${url.pathname}${url.search}`, url.search, ...parts]
}

/** The first characters of a text. Half a character (a lone surrogate), cut or sent, becomes a sign that every remote takes. */
export const cutText = (text: string, maxChars: number): string => text.slice(0, maxChars).toWellFormed()

/** One line of a remote's words, bounded: what would rule a terminal or a log becomes a space. */
export const toReply = (text: string, secrets: readonly (string | undefined)[] = []): string =>
  hideSecrets(text, secrets)
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim()
    .slice(0, maxReplyChars)
    .toWellFormed()

/** Retry-After in seconds or as a date (RFC 9110, section 10.2.3). */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  const isDate = /^[a-z]{3}/i.test(text)
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : isDate ? Date.parse(text) - nowMs : Number.NaN
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), maxWaitMs) : undefined
}

/** Client errors that time may heal: timeout, too early, too many. */
const passing = new Set([408, 425, 429])

/** What a status means for a delivery. 3xx is a refusal, since redirects are not followed. */
export const toOutcome = (status: number): DeliveryAnswer['outcome'] =>
  status >= 200 && status < 300 ? 'delivered' : passing.has(status) || status >= 500 ? 'retry' : 'refused'

export interface HttpAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** An HTTP answer as the timeline shows it: `500 the gears are stuck`. */
export function toDeliveryAnswer(answer: HttpAnswer, secrets: readonly (string | undefined)[]): DeliveryAnswer {
  const { status, headers, body } = answer
  const outcome = toOutcome(status)
  const redirect = status >= 300 && status < 400 ? `redirects are not followed: ${headers.location ?? ''} ` : ''
  const afterMs = outcome === 'retry' ? retryAfterMs(headers['retry-after'], Date.now()) : undefined
  return {
    outcome,
    reply: toReply(`${status} ${redirect}${body}`, secrets),
    ...(afterMs === undefined ? {} : { afterMs }),
  }
}
