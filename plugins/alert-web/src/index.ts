import { definePlugin } from '@patchbay/sdk'
import { answerOf } from '@patchbay/sdk/alert-channel'
import { config } from './config.ts'
import { createInbox } from './inbox.ts'

const maxListed = 200
const listed = 50

/** A whole number within bounds, else the normal one: a schema for two numbers would cost a validator of its own. */
const readNumber = (text: unknown, normal: number, most: number): number =>
  typeof text === 'string' && /^\d{1,15}$/.test(text) ? Math.min(Number(text), most) : normal

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
      app.get<{ Querystring: { after?: string; limit?: string } }>('/x/alert-web/notifications', async ({ query }) => {
        const after = readNumber(query.after, 0, Number.MAX_SAFE_INTEGER)
        return { items: await inbox.list(after, readNumber(query.limit, listed, maxListed)) }
      })
    })
  },
})
