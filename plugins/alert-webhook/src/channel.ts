import { BadConfig, type Notification } from '@patchbay/sdk'
import {
  type AlertChannel,
  answerOf,
  assertTarget,
  deliverByPost,
  DeliveryRefused,
  openTemplate,
  toValues,
} from '@patchbay/sdk/alert-channel'
import { escapeJson } from '@patchbay/sdk/template-escape'
import type { Config } from './config.ts'
import { readSecret, toSignatureHeaders } from './signature.ts'

/** Headers that the protocol or the signature need for themselves. */
const reserved =
  /^(host|content-length|content-type|connection|transfer-encoding|expect|upgrade|te|trailer|webhook-.*)$/i

const asText = (text: string): string => text

const toReadyBody = (notification: Notification): string =>
  JSON.stringify({ type: `alert.${notification.kind}`, timestamp: notification.at, data: notification })

const assertJson = (text: string): void => {
  try {
    JSON.parse(text)
  } catch (cause) {
    throw new DeliveryRefused('The body template did not render JSON.', { cause })
  }
}

/** Throws BadConfig for what is wrong by itself. */
export async function openChannel(
  config: Config,
  { privateTargets, stop }: { privateTargets: readonly string[]; stop?: AbortSignal },
): Promise<AlertChannel> {
  assertTarget('/url', config.url, privateTargets)
  const key = config.secret === undefined ? undefined : readSecret(config.secret)
  if (config.secret !== undefined && !key)
    throw new BadConfig(
      '/secret',
      'The secret must be whsec_ and base64, such as whsec_ and the output of openssl rand -base64 32.',
    )
  config.headers.forEach(({ name, value }, index) => {
    if (reserved.test(name)) throw new BadConfig(`/headers/${index}/name`, `${name} is set by the platform itself.`)
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
      throw new BadConfig(`/headers/${index}/value`, 'A header value has visible characters only.')
  })
  const isJson = /^application\/([^;]+\+)?json(;|$)/i.test(config.contentType)
  const template =
    config.body === undefined || config.body === ''
      ? undefined
      : await openTemplate('/body', config.body, { escape: isJson ? escapeJson : asText })
  const headers = Object.fromEntries(config.headers.map(({ name, value }) => [name, value]))
  const secrets = [config.secret, ...config.headers.map(({ value }) => value)]

  const toBody = (notification: Notification): string => {
    if (!template) return toReadyBody(notification)
    const text = template.render(toValues(notification))
    if (isJson) assertJson(text)
    return text
  }

  return {
    deliver: (notification, { signal }) =>
      answerOf(async () => {
        const body = toBody(notification)
        const signed = { id: notification.id, timestamp: Math.floor(Date.now() / 1000), body }
        return deliverByPost({
          url: config.url,
          body,
          headers: {
            ...headers,
            'content-type': template ? config.contentType : 'application/json',
            ...toSignatureHeaders(signed, key),
          },
          privateTargets,
          signal: stop ? AbortSignal.any([stop, signal]) : signal,
          secrets,
        })
      }, secrets),
  }
}
