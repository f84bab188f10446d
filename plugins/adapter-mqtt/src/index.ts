import { join } from 'node:path'
import { definePlugin, type Connection, type MatchAnswer } from '@patchbay/sdk'
import { config } from './config.ts'
import { createMqttBroker, type MqttBroker } from './mqtt-broker.ts'
import { relayName } from './inbound-publishes.ts'
import { createWebSocketDoor } from './websocket.ts'

/** First byte of a CONNECT, whatever its version. */
const connectByte = 0x10
const sweepMs = 60_000
const reopenMs = 1_000

export default definePlugin({
  config,
  async setup(ctx) {
    const { port, tlsPort, openTopics, durability, ...limits } = ctx.config
    const options = {
      sessions: ctx.sessions,
      log: ctx.log,
      limits,
      openTopics,
      durability,
      storePath: join(await ctx.dataFolder(), 'broker.sqlite'),
      onStoreFailure: (error: Error) => ctx.health('degraded', `The broker’s store fails: ${error.message}`),
      redis: ctx.shared,
      onRedis: (state: 'ready' | 'away') =>
        state === 'ready'
          ? ctx.health('ok')
          : ctx.health('degraded', 'Redis is away: nobody logs in, and no message is acknowledged that it has to keep'),
    }
    let isStopped = false
    const open = (): Promise<MqttBroker> => createMqttBroker({ ...options, onGone: () => void again() })
    let broker = await open()
    /** The other nodes took this one for dead: its clients come back to a node that knows again what all know. */
    const again = async (): Promise<void> => {
      ctx.log.warn('The other nodes took this one for dead: its MQTT clients have to connect again')
      // what it could not write is void
      await broker.close().catch((error: unknown) => ctx.log.warn('MQTT did not end well', { error: String(error) }))
      await reopened()
    }
    const reopened = async (): Promise<void> => {
      if (isStopped) return
      try {
        broker = await open()
      } catch (error) {
        ctx.log.warn('MQTT waits for Redis', { error: String(error) })
        await new Promise((resolve) => setTimeout(resolve, reopenMs).unref())
        await reopened()
      }
    }
    const accept = (connection: Connection): void => broker.accept(connection)
    ctx.own('broker', () => {
      isStopped = true
      return broker.close()
    })
    ctx.sessions.relay(relayName, {
      deliver: (message) => broker.relay.deliver(message),
      retained: (query) => broker.relay.retained(query),
      clearRetained: (topic) => broker.relay.clearRetained(topic),
      forget: (device) => broker.relay.forget(device),
    })
    ctx.every(sweepMs, () => broker.sweep())

    const door = createWebSocketDoor(limits.maxPacketBytes, accept)
    ctx.own('websocket door', door.close)
    ctx.upgrade('/mqtt', door.onUpgrade)
    ctx.match('mqtt', (bytes): MatchAnswer => (bytes[0] === connectByte ? 'mine' : 'no'), accept)
    ctx.listen({ name: 'mqtt', port, tls: 'never' }, accept)
    ctx.listen({ name: 'mqtts', port: tlsPort, tls: 'always' }, accept)
    ctx.adapter('mqtt')
  },
})
