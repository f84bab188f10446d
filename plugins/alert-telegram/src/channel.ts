import { BadConfig, type DeliveryAnswer } from '@patchbay/sdk'
import {
  type AlertChannel,
  answerOf,
  assertTarget,
  cutText,
  openTemplate,
  toDeliveryAnswer,
  toValues,
} from '@patchbay/sdk/alert-channel'
import { type OutboundAnswer, post } from '@patchbay/sdk/outbound-http'
import type { Config } from './config.ts'

/** What Telegram takes. */
const maxTextChars = 4096
const tokenForm = /^[0-9]{1,20}:[A-Za-z0-9_-]{1,200}$/

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // Not the Bot API but something in between: its words are shown as they are.
    return undefined
  }
}

/** Telegram says the wait in the body: `{"ok": false, "parameters": {"retry_after": 5}}`. */
function toAnswer(answer: OutboundAnswer, secrets: readonly string[]): DeliveryAnswer {
  const json = readJson(answer.body)
  const wait = fieldOf(fieldOf(json, 'parameters'), 'retry_after')
  const headers =
    typeof wait === 'number' && answer.headers['retry-after'] === undefined
      ? { ...answer.headers, 'retry-after': String(Math.max(0, Math.ceil(wait))) }
      : answer.headers
  const description = fieldOf(json, 'description')
  const id = fieldOf(fieldOf(json, 'result'), 'message_id')
  const told = typeof description === 'string' ? description : typeof id === 'number' ? `message ${id}` : answer.body
  return toDeliveryAnswer({ status: answer.status, headers, body: told }, secrets)
}

/** Throws BadConfig for what is wrong by itself. */
export async function openChannel(
  config: Config,
  { privateTargets, stop }: { privateTargets: readonly string[]; stop?: AbortSignal },
): Promise<AlertChannel> {
  assertTarget('/server', config.server, privateTargets)
  if (!tokenForm.test(config.token)) throw new BadConfig('/token', 'A token is a number, a colon and letters.')
  const text = await openTemplate('/text', config.text)
  const url = `${config.server.replace(/\/+$/, '')}/bot${config.token}/sendMessage`
  const secrets = [config.token]
  return {
    deliver: (notification, { signal }) =>
      answerOf(async () => {
        // Without parse_mode the text is plain: a device cannot put markup into it.
        const body = JSON.stringify({
          chat_id: config.chat,
          text: cutText(text.render(toValues(notification)), maxTextChars) || ' ',
          link_preview_options: { is_disabled: true },
          ...(config.thread === undefined ? {} : { message_thread_id: config.thread }),
        })
        const answer = await post({
          url,
          body,
          headers: { 'content-type': 'application/json' },
          privateTargets,
          signal: stop ? AbortSignal.any([stop, signal]) : signal,
        })
        return toAnswer(answer, secrets)
      }, secrets),
  }
}
