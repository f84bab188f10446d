import type { Notification } from '@patchbay/sdk'
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
import { toHeaders, toKey, toSignatureHeaders } from '@patchbay/sdk/webhook'
import type { Config } from './config.ts'

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
  const key = toKey(config.secret)
  const headers = toHeaders(config.headers)
  const isJson = /^application\/([^;]+\+)?json(;|$)/i.test(config.contentType)
  const template =
    config.body === undefined || config.body === ''
      ? undefined
      : await openTemplate('/body', config.body, { escape: isJson ? escapeJson : asText })
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
