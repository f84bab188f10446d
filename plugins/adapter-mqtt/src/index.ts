import { join } from 'node:path'
import { definePlugin, type MatchAnswer } from '@patchbay/sdk'
import { config } from './config.ts'
import { createMqttBroker } from './mqtt-broker.ts'
import { relayName } from './inbound-publishes.ts'
import { createWebSocketDoor } from './websocket.ts'

/** First byte of a CONNECT, whatever its version. */
const connectByte = 0x10
const sweepMs = 60_000

export default definePlugin({
  config,
  async setup(ctx) {
    const { port, tlsPort, openTopics, durability, ...limits } = ctx.config
    const broker = await createMqttBroker({
      sessions: ctx.sessions,
      log: ctx.log,
      limits,
      openTopics,
      durability,
      storePath: join(await ctx.dataFolder(), 'broker.sqlite'),
      onStoreFailure: (error) => ctx.health('degraded', `The broker’s store fails: ${error.message}`),
    })
    ctx.own('broker', () => broker.close())
    ctx.sessions.relay(relayName, broker.relay)
    ctx.every(sweepMs, () => broker.sweep())

    const door = createWebSocketDoor(limits.maxPacketBytes, broker.accept)
    ctx.own('websocket door', door.close)
    ctx.upgrade('/mqtt', door.onUpgrade)
    ctx.match('mqtt', (bytes): MatchAnswer => (bytes[0] === connectByte ? 'mine' : 'no'), broker.accept)
    ctx.listen({ name: 'mqtt', port, tls: 'never' }, broker.accept)
    ctx.listen({ name: 'mqtts', port: tlsPort, tls: 'always' }, broker.accept)
    ctx.adapter('mqtt')
  },
})
