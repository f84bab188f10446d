import type { Notification } from '@patchbay/sdk'
import { type AlertChannel, cutText } from '@patchbay/sdk/alert-channel'
import { openChatChannel } from '@patchbay/sdk/chat-channel'
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
export const openChannel = (
  config: Config,
  places: { privateTargets: readonly string[]; stop?: AbortSignal },
): Promise<AlertChannel> => openChatChannel(config, places, { escape: escapeMarkdown, toMessage })
