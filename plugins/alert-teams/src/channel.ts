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

/** A card may have 28 KB; these two stay far below. */
const maxTitleChars = 300
const maxTextChars = 8000

const run = (text: string, more: object = {}): object => ({
  type: 'RichTextBlock',
  inlines: [{ type: 'TextRun', text: text || ' ', ...more }],
})

/** All that came from templates stands in text runs, which know no markup, other than text blocks. */
const toMessage = (title: string, text: string, link: string | undefined): object => ({
  type: 'message',
  attachments: [
    {
      contentType: 'application/vnd.microsoft.card.adaptive',
      contentUrl: null,
      content: {
        $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
        type: 'AdaptiveCard',
        version: '1.4',
        body: [
          run(cutText(title, maxTitleChars), { weight: 'Bolder', size: 'Medium' }),
          ...cutText(text, maxTextChars)
            .split('\n')
            .map((line) => run(line)),
        ],
        ...(link === undefined ? {} : { actions: [{ type: 'Action.OpenUrl', title: 'Open the alert', url: link }] }),
      },
    },
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
