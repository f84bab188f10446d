import type { Notification } from '@patchbay/sdk'
import { type AlertChannel, cutText } from '@patchbay/sdk/alert-channel'
import { openChatChannel } from '@patchbay/sdk/chat-channel'
import type { Config } from './config.ts'

/** A card may have 28 KB; these two stay far below. */
const maxTitleChars = 300
const maxTextChars = 8000

const run = (text: string, more: object = {}): object => ({
  type: 'RichTextBlock',
  inlines: [{ type: 'TextRun', text: text || ' ', ...more }],
})

/** All that came from templates stands in text runs, which know no markup, other than text blocks. */
const toMessage = (title: string, text: string, { link }: Notification): object => ({
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
export const openChannel = (
  config: Config,
  places: { privateTargets: readonly string[]; stop?: AbortSignal },
): Promise<AlertChannel> => openChatChannel(config, places, { toMessage })
