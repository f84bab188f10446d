import { Socket } from 'node:net'
import { definePlugin } from '@patchbay/sdk'
import { createAdmin } from './admin.ts'
import { createAdminRoutes } from './admin-routes.ts'
import { config } from './config.ts'
import { openDrains } from './drains.ts'
import { isAllowedNode } from './allowed-node.ts'
import { createGateway } from './gateway.ts'
import type { Listener } from './listeners.ts'
import { tickMs } from './limits.ts'
import { createOpenPorts } from './open-ports.ts'
import { createOverviewRoutes } from './overview-routes.ts'
import { toMetrics } from './overview.ts'
import { createConfigFile, createRouteFile } from './standalone.ts'
import { createSources } from './sources.ts'
import { openStoredObjects } from './stored-objects.ts'

const protocol = 'gateway'

export default definePlugin({
  config,
  async setup(ctx) {
    const { folder, fallbackName, maxConnections } = ctx.config
    const gateway = createGateway({
      log: ctx.log,
      maxConnections,
      permitsPlain: (address) => ctx.door.permitsPlain(address),
      trustsProxy: (address) => ctx.door.trustsProxy(address),
      isAllowed: isAllowedNode,
      handOver: (connection) => ctx.door.handOver(connection),
      onRefused: ({ address, listener }, refused) =>
        ctx.sessions.refuse({ protocol: `${protocol} ${listener}`, address }, { action: 'connect', refused }),
      ...(fallbackName === '' ? {} : { fallbackName }),
    })
    ctx.own('gateway', () => gateway.close())

    const configFile = folder === '' ? undefined : createConfigFile(folder, process.env)
    const drains = await openDrains(ctx.store)
    const sources = createSources({
      gateway,
      file: folder === '' ? undefined : createRouteFile(folder, process.env),
      problems: () => configFile?.problems ?? [],
      onApplied(isWhole) {
        drains
          .apply(gateway.configuration, isWhole)
          .catch((error: unknown) => ctx.log.error('what is drained could not be noted', { error }))
      },
      log: ctx.log,
      health: (state, why) => ctx.health(state, why),
    })
    const stored = await openStoredObjects(ctx.store, ctx.secrets)
    for (const problem of stored.problems) ctx.log.error('a stored object of the gateway is left out', { problem })
    sources.replace(stored.documents)

    const ports = createOpenPorts(listen)
    let running = ctx.config
    let fromFile: readonly Listener[] = []
    const openPorts = (): Promise<void> =>
      ports.set([...fromFile, ...running.listeners.map((each) => ({ ...each, proxyToUpstream: false }))])
    const poll = async (): Promise<void> => {
      const changed = await configFile?.poll()
      if (changed) {
        fromFile = changed
        await openPorts()
      }
      await sources.poll()
    }
    await openPorts()
    await poll()
    ctx.onConfig(async (next) => {
      if (JSON.stringify({ ...next, listeners: [] }) !== JSON.stringify({ ...running, listeners: [] })) return false
      running = next
      await openPorts()
      return true
    })

    const admin = createAdmin({ stored, sources, nowSeconds: () => Math.floor(Date.now() / 1_000) })
    ctx.http(createAdminRoutes(admin, ctx.callers, ctx.audit))
    ctx.http(createOverviewRoutes(gateway, ctx.callers, ctx.audit, () => sources.all.ssls, drains))

    ctx.metrics(() => toMetrics(gateway))
    ctx.every(tickMs, async () => {
      gateway.tick()
      await poll()
    })

    function listen({ port, address, tls, proxyProtocol, proxyToUpstream }: Listener): () => Promise<void> {
      const name = address === '' ? `gateway-${port}` : `gateway-${address}:${port}`
      const door = { name, tls, proxyProtocol, proxyToUpstream }
      const at = address === '' ? {} : { address }
      return ctx.listen({ name, port, tls: tls ? 'always' : 'never', raw: true, ...at }, ({ socket }) => {
        if (socket instanceof Socket) gateway.accept(socket, door)
        else socket.destroy()
      })
    }
  },
})
