import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  token: field.secret({
    title: 'Bot token',
    description: 'From @BotFather, such as 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw.',
  }),
  chat: field.text({
    title: 'Chat',
    description: 'The chat’s id, such as -1001234567890, or @name of a public channel. The bot must be in it.',
    maxLength: 64,
    pattern: '^(-?[0-9]{1,20}|@[A-Za-z0-9_]{1,63})$',
  }),
  thread: field.optional(
    field.integer({ title: 'Topic', description: 'Id of a topic in a group with topics.', minimum: 1 }),
  ),
  text: field.multiline({
    title: 'Text',
    description: 'A Liquid template. Plain text: nothing in it is markup.',
    default: '{{ headline }}\n\n{{ details }}',
    maxLength: 16_384,
  }),
  server: field.url({ title: 'Server', description: 'Of the Bot API.', default: 'https://api.telegram.org' }),
}
export type Config = ConfigOf<typeof config>
