import { definePlugin } from '@patchbay/sdk'
import { answerOf } from '@patchbay/sdk/alert-channel'
import { config } from './config.ts'
import { createInbox } from './inbox.ts'

const maxListed = 200
const query = {
  type: 'object',
  properties: {
    after: { type: 'integer', minimum: 0, default: 0 },
    limit: { type: 'integer', minimum: 1, maximum: maxListed, default: 50 },
  },
} as const

export default definePlugin({
  config,
  setup(ctx) {
    const inbox = createInbox(ctx.store, ctx.config.keep)
    ctx.alertChannel('web', {
      deliver: (notification) =>
        answerOf(async () => {
          const { number } = await inbox.add(notification)
          return { outcome: 'delivered', reply: `in the inbox, number ${number}` }
        }, []),
    })
    ctx.http(async (app) => {
      app.get<{ Querystring: { after: number; limit: number } }>(
        '/x/alert-web/notifications',
        { schema: { querystring: query } },
        async (request) => ({ items: await inbox.list(request.query.after, request.query.limit) }),
      )
    })
  },
})
