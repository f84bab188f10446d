import { definePlugin } from '@patchbay/sdk'
import { config } from './config.ts'
import type { NameBook } from './name-book.ts'
import type { Turns } from './query/turns.ts'
import { createRequests } from './requests.ts'
import { type Answer, createRoutes } from './routes.ts'

export default definePlugin({
  config,
  setup(ctx) {
    const requests = createRequests({ sessions: ctx.sessions, log: ctx.log })
    let opening: Promise<NameBook> | undefined
    const openNames = async (): Promise<NameBook> => {
      const { openNameBook } = await import('./name-book.ts')
      return openNameBook(ctx.store, ctx.log)
    }
    // Nobody pays for what nobody uses: the parts are loaded with the first request that needs them.
    const names = (): Promise<NameBook> => {
      opening ??= openNames()
      opening.catch(() => (opening = undefined))
      return opening
    }
    const write: Answer = async (request, reply) => {
      const { takeWrite } = await import('./write/take-write.ts')
      return takeWrite(request, reply, {
        config: ctx.config,
        requests,
        names: await names(),
        sessions: ctx.sessions,
      })
    }
    let turns: Turns | undefined
    const query: Answer = async (request, reply) => {
      const [{ takeQuery }, { createDatabases }, { createTurns }] = await Promise.all([
        import('./query/take-query.ts'),
        import('./query/databases.ts'),
        import('./query/turns.ts'),
      ])
      turns ??= createTurns()
      const databases = createDatabases(ctx.store, ctx.config.database)
      const { telemetry, log } = ctx
      return takeQuery(request, reply, {
        config: ctx.config,
        requests,
        telemetry,
        names: await names(),
        databases,
        turns,
        log,
      })
    }
    ctx.http(createRoutes({ requests, write, query }))
    ctx.adapter('influx')
  },
})
