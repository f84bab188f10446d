import { definePlugin } from '@patchbay/sdk'
import { config } from './config.ts'
import { createDoor } from './door.ts'

export default definePlugin({
  config,
  setup(ctx) {
    const door = createDoor({ sessions: ctx.sessions, config: ctx.config, log: ctx.log })
    ctx.own('connections', door.close)
    ctx.every(ctx.config.pingEveryMs, door.ping)
    ctx.upgrade('/v1/ws', door.onUpgrade)
    ctx.adapter('websocket')
  },
})
