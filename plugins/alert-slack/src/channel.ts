import type { Notification } from '@patchbay/sdk'
import {
  type AlertChannel,
  answerOf,
  assertTarget,
  cutText,
  deliverByPost,
  openTemplate,
  toUrlSecrets,
  toValues,
} from '@patchbay/sdk/alert-channel'
import { escapeLine } from '@patchbay/sdk/template-escape'
import type { Config } from './config.ts'

/** What Slack takes: a header has 150 characters, a section 3,000. */
const maxTitleChars = 150
const maxTextChars = 3000

/** The line of a push message is read as mrkdwn: these three signs make mentions and links there. */
const escapeMrkdwn = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

const plain = (text: string, maxChars: number): object => ({
  type: 'plain_text',
  text: cutText(text, maxChars) || ' ',
  emoji: false,
})

/** All that came from templates stands in `plain_text`, which knows no markup: a device cannot mention or link. */
const toMessage = (title: string, text: string, link: string | undefined): object => ({
  text: escapeMrkdwn(cutText(title, maxTextChars)),
  blocks: [
    { type: 'header', text: plain(title, maxTitleChars) },
    { type: 'section', text: plain(text, maxTextChars) },
    ...(link === undefined
      ? []
      : [
          {
            type: 'actions',
            elements: [{ type: 'button', text: { type: 'plain_text', text: 'Open the alert' }, url: link }],
          },
        ]),
  ],
})

/** Throws BadConfig for what is wrong by itself. */
export async function openChannel(
  config: Config,
  { privateTargets, stop }: { privateTargets: readonly string[]; stop?: AbortSignal },
): Promise<AlertChannel> {
  assertTarget('/url', config.url, privateTargets)
  const title = await openTemplate('/title', config.title)
  const text = await openTemplate('/text', config.text)
  const secrets = toUrlSecrets(config.url)
  const toBody = (notification: Notification): string => {
    const values = toValues(notification)
    return JSON.stringify(toMessage(escapeLine(title.render(values)), text.render(values), notification.link))
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
