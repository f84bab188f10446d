import { type ConfigOf, field } from '@patchbay/sdk'

export const config = {
  url: field.secret({
    title: 'Webhook address',
    description:
      'Of the workflow “Post to a channel when a webhook request is received”. Who knows it can post, so it is kept like a password.',
  }),
  title: field.text({ title: 'Title', description: 'A Liquid template.', default: '{{ headline }}', maxLength: 4096 }),
  text: field.multiline({
    title: 'Text',
    description: 'A Liquid template.',
    default: '{{ details }}',
    maxLength: 16_384,
  }),
}
export type Config = ConfigOf<typeof config>
