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

/** What Discord takes: an embed's title has 256 characters, its description 4,096. */
const maxTitleChars = 256
const maxTextChars = 4096

const colours: Readonly<Record<Notification['alert']['severity'], number>> = {
  critical: 0xc0392b,
  major: 0xd35400,
  minor: 0xe67e22,
  warning: 0xf1c40f,
  info: 0x2980b9,
}
const resolvedColour = 0x27ae60

/** Discord reads Markdown everywhere: its signs get a backslash, so that what a device sent stays text. */
const escapeMarkdown = (text: string): string => text.replaceAll(/[\\`*_~|<>[\]()#:@-]/g, (sign) => `\\${sign}`)

const toMessage = (title: string, text: string, { link, kind, alert }: Notification): object => ({
  // Nobody is mentioned, whatever the text says.
  allowed_mentions: { parse: [] },
  embeds: [
    {
      title: cutText(title, maxTitleChars),
      description: cutText(text, maxTextChars),
      color: kind === 'resolved' ? resolvedColour : colours[alert.severity],
      ...(link === undefined ? {} : { url: link }),
    },
  ],
})

/** Throws BadConfig for what is wrong by itself. */
export async function openChannel(
  config: Config,
  { privateTargets, stop }: { privateTargets: readonly string[]; stop?: AbortSignal },
): Promise<AlertChannel> {
  assertTarget('/url', config.url, privateTargets)
  const title = await openTemplate('/title', config.title, { escape: escapeMarkdown })
  const text = await openTemplate('/text', config.text, { escape: escapeMarkdown })
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
