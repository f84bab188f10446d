import { definePlugin } from '@patchbay/sdk'
import { config } from './config.ts'
import { createDoor, matchAmqp } from './door.ts'

const tickMs = 500

export default definePlugin({
  config,
  setup(ctx) {
    const door = createDoor({ sessions: ctx.sessions, config: ctx.config, log: ctx.log })
    ctx.own('connections', door.close)
    ctx.every(tickMs, door.tick)
    ctx.match('amqp', matchAmqp, door.accept)
    ctx.listen({ name: 'amqp', port: ctx.config.port }, door.accept)
    ctx.adapter('amqp')
  },
})
