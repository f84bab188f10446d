import { definePlugin } from '@patchbay/sdk'
import { config } from './config.ts'
import { createRoutes } from './routes.ts'
import { createSessionCache } from './session-cache.ts'

export default definePlugin({
  config,
  setup(ctx) {
    const cache = createSessionCache()
    ctx.own('sessions', () => cache.close())
    ctx.http(createRoutes({ config: ctx.config, sessions: ctx.sessions, cache, log: ctx.log, signal: ctx.signal }))
    ctx.adapter('http')
  },
})
