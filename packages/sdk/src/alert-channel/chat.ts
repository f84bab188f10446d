import type { Notification } from '@patchbay/contracts/notification'
import type { AlertChannel } from '../contributions.ts'
import { escapeLine } from '../template/escape.ts'
import type { TemplateOptions } from '../template/template.ts'
import { answerOf, assertTarget, deliverByPost, openTemplate } from './channel.ts'
import { toValues } from './message.ts'
import { toUrlSecrets } from './reply.ts'

/** What every chat with an incoming webhook is configured by. The address is the only secret. */
export interface ChatConfig {
  url: string
  title: string
  text: string
}

/** What makes one chat differ from the next. */
export interface ChatWords {
  /** How a chat writes what both templates came to; the title is one line. Text of devices is in them: it must not become markup. */
  toMessage(title: string, text: string, notification: Notification): object
  /** For chats whose every text is markup: taken out of each value that a template prints. */
  escape?: TemplateOptions['escape']
}

/** A chat that takes one JSON message a POST at a secret address. Throws BadConfig for what is wrong by itself. */
export async function openChatChannel(
  config: ChatConfig,
  { privateTargets, stop }: { privateTargets: readonly string[]; stop?: AbortSignal },
  { toMessage, escape }: ChatWords,
): Promise<AlertChannel> {
  assertTarget('/url', config.url, privateTargets)
  const options = escape === undefined ? undefined : { escape }
  const title = await openTemplate('/title', config.title, options)
  const text = await openTemplate('/text', config.text, options)
  const secrets = toUrlSecrets(config.url)
  const toBody = (notification: Notification): string => {
    const values = toValues(notification)
    return JSON.stringify(toMessage(escapeLine(title.render(values)), text.render(values), notification))
  }
  return {
    deliver: (notification, { signal }) =>
      answerOf(
        async () =>
          deliverByPost({
            url: config.url,
            body: toBody(notification),
            headers: { 'content-type': 'application/json; charset=utf-8' },
            privateTargets,
            signal: stop ? AbortSignal.any([stop, signal]) : signal,
            secrets,
          }),
        secrets,
      ),
  }
}
