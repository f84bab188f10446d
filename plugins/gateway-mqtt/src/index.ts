import { Socket } from 'node:net'
import { definePlugin } from '@patchbay/sdk'
import { createAdmin } from './admin.ts'
import { createAdminRoutes } from './admin-routes.ts'
import { config } from './config.ts'
import { isAllowedNode } from './allowed-node.ts'
import { createGateway } from './gateway.ts'
import type { Listener } from './listeners.ts'
import { tickMs } from './limits.ts'
import { createOverviewRoutes } from './overview-routes.ts'
import { toMetrics } from './overview.ts'
import { createRouteFile, readConfigFile } from './standalone.ts'
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

    const fromFile = folder === '' ? { listeners: [], problems: [] } : await readConfigFile(folder, process.env)
    const sources = createSources({
      gateway,
      file: folder === '' ? undefined : createRouteFile(folder, process.env),
      problems: fromFile.problems,
      log: ctx.log,
      health: (state, why) => ctx.health(state, why),
    })
    const stored = await openStoredObjects(ctx.store, ctx.secrets)
    for (const problem of stored.problems) ctx.log.error('a stored object of the gateway is left out', { problem })
    sources.replace(stored.documents)
    await sources.poll()
    const admin = createAdmin({ stored, sources, nowSeconds: () => Math.floor(Date.now() / 1_000) })
    ctx.http(createAdminRoutes(admin, ctx.callers, ctx.audit))
    ctx.http(createOverviewRoutes(gateway, ctx.callers, ctx.audit, () => sources.all.ssls))

    ctx.metrics(() => toMetrics(gateway))

    const own = ctx.config.listeners.map((each) => ({ ...each, proxyToUpstream: false }))
    for (const listener of [...fromFile.listeners, ...own]) listen(listener)
    ctx.every(tickMs, async () => {
      gateway.tick()
      await sources.poll()
    })

    function listen({ port, address, tls, proxyProtocol, proxyToUpstream }: Listener): void {
      const name = `gateway-${port}`
      const door = { name, tls, proxyProtocol, proxyToUpstream }
      const at = address === '' ? {} : { address }
      ctx.listen({ name, port, tls: tls ? 'always' : 'never', raw: true, ...at }, ({ socket }) => {
        if (socket instanceof Socket) gateway.accept(socket, door)
        else socket.destroy()
      })
    }
  },
})
