import type { Notification } from '@patchbay/sdk'
import { type AlertChannel, cutText } from '@patchbay/sdk/alert-channel'
import { openChatChannel } from '@patchbay/sdk/chat-channel'
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
const toMessage = (title: string, text: string, { link }: Notification): object => ({
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
export const openChannel = (
  config: Config,
  places: { privateTargets: readonly string[]; stop?: AbortSignal },
): Promise<AlertChannel> => openChatChannel(config, places, { toMessage })
