import { Instance, InstanceBody, Plugin, PluginId } from '@patchbay/contracts/plugin'
import { PluginInstalls } from '@patchbay/contracts/plugin-installs'
import { PluginLogLine } from '@patchbay/contracts/plugin-log'
import { type Static, Type } from 'typebox'
import { isFeeding } from '../parts/feeds.ts'
import { isDelivering } from '../parts/sinks.ts'
import { expectedVersion, setVersion } from '../rest/etag.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'
import { showPlugin, showPlugins } from './plugin-view.ts'

const plugin = { id: PluginId }
const one = Type.Object({ ...plugin, name: Type.String({ minLength: 1, maxLength: 64 }) })
const TestBody = Type.Object({ config: Type.Record(Type.String(), Type.Unknown()) }, { additionalProperties: false })
const TestAnswer = Type.Object(
  { ok: Type.Boolean(), reply: Type.Optional(Type.String()), text: Type.Optional(Type.String()) },
  { additionalProperties: true },
)

const actions = [
  { verb: 'enable', summary: 'Starts the instance, now and at every start' },
  { verb: 'disable', summary: 'Stops the instance, now and at every start' },
  { verb: 'restart', summary: 'Stops and starts the instance; also after it was given up' },
] as const

/** Installed plugins and their instances, on the running server. */
export const pluginRoutes: Routes = (app, { plugins, packages, deliveries, bridges, feeds, pluginLog, settings }) => {
  /** With what a source has brought in. */
  const withFeed = async (instance: Static<typeof Instance>): Promise<Static<typeof Instance>> => {
    const status = await feeds.status(`${instance.plugin}/${instance.name}`)
    const { lag, taken, refused, lastError } = status
    const shown = { sent: taken, refused, ...(lag ? { lag } : {}), ...(lastError ? { lastError } : {}) }
    return { ...instance, ...shown, feedStatus: status }
  }
  /** With what a sink or bridge has delivered, or a source has brought in. */
  const withStatus = async (instance: Static<typeof Instance>): Promise<Static<typeof Instance>> => {
    const { manifest } = plugins().plugin(instance.plugin)
    if (isFeeding(manifest)) return withFeed(instance)
    if (!isDelivering(manifest)) return instance
    const full = `${instance.plugin}/${instance.name}`
    const [status, bridge] = [await deliveries.status(full), await bridges.status(full)]
    const bridged = bridge ? { ...instance, bridge } : instance
    if (!status) return bridged
    const { lag, sent, refused, lastError } = status
    return { ...bridged, lag, sent, refused, ...(lastError ? { lastError } : {}), deliveryStatus: status }
  }

  app.get(
    '/api/v1/plugins',
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'listPlugins',
        summary: 'Installed plugins, and how more can come in',
        tags: ['plugins'],
        response: { 200: Type.Object({ items: Type.Array(ref(Plugin)), installs: PluginInstalls }) },
      },
    },
    async () => ({
      items: showPlugins(plugins(), packages()),
      installs: { policy: settings.pluginPolicy, npm: settings.pluginRegistry !== undefined },
    }),
  )
  app.get(
    '/api/v1/plugins/:id',
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'getPlugin',
        summary: 'One plugin with its manifest and the schema of its configuration',
        tags: ['plugins'],
        params: Type.Object(plugin),
        response: { 200: ref(Plugin) },
      },
    },
    async (request) => showPlugin(plugins(), packages(), request.params.id),
  )
  app.get(
    '/api/v1/plugins/:id/log',
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'readPluginLog',
        summary: 'The last lines that the plugin or one of its instances logged since the start, newest first',
        tags: ['plugins'],
        params: Type.Object(plugin),
        querystring: Type.Object({ instance: Type.Optional(Type.String({ maxLength: 64 })) }),
        response: { 200: Type.Object({ items: Type.Array(ref(PluginLogLine)) }) },
      },
    },
    async ({ params: { id }, query: { instance } }) => {
      showPlugin(plugins(), packages(), id)
      return { items: pluginLog.list(id, instance) }
    },
  )
  app.get(
    '/api/v1/plugins/:id/instances',
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'listInstances',
        summary: 'The instances of a plugin and how they do',
        tags: ['plugins'],
        params: Type.Object(plugin),
        response: { 200: Type.Object({ items: Type.Array(ref(Instance)) }) },
      },
    },
    async (request) => ({ items: await Promise.all(plugins().instances(request.params.id).map(withStatus)) }),
  )
  app.get(
    '/api/v1/plugins/:id/instances/:name',
    {
      config: { permission: 'plugins.read' },
      schema: {
        operationId: 'getInstance',
        summary: 'One instance; secrets are answered as {"set": true}',
        tags: ['plugins'],
        params: one,
        response: { 200: ref(Instance) },
      },
    },
    async (request, reply) => {
      const instance = plugins().instance(request.params.id, request.params.name)
      setVersion(reply, instance.version)
      return withStatus(instance)
    },
  )
  app.put(
    '/api/v1/plugins/:id/instances/:name',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'putInstance',
        summary: 'Makes or changes an instance; on failure the previous configuration stays active',
        tags: ['plugins'],
        params: one,
        body: InstanceBody,
        response: { 200: ref(Instance) },
      },
    },
    async (request, reply) => {
      const { id, name } = request.params
      const instance = await plugins().put(id, name, request.body, expectedVersion(request))
      setVersion(reply, instance.version)
      return instance
    },
  )
  app.delete(
    '/api/v1/plugins/:id/instances/:name',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'deleteInstance',
        summary: 'Stops and removes an instance with all it stored',
        tags: ['plugins'],
        params: one,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await plugins().remove(request.params.id, request.params.name, expectedVersion(request))
      return reply.code(204).send(null)
    },
  )
  for (const { verb, summary } of actions) {
    app.post(
      `/api/v1/plugins/:id/instances/:name/${verb}`,
      {
        config: { permission: 'plugins.write' },
        schema: {
          operationId: `${verb}Instance`,
          summary,
          tags: ['plugins'],
          params: one,
          response: { 200: ref(Instance) },
        },
      },
      async (request) => plugins()[verb](request.params.id, request.params.name),
    )
  }
  app.post(
    '/api/v1/plugins/:id/instances/:name/test',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'testInstance',
        summary: 'Tries unsaved values; kept secrets are those of the instance',
        tags: ['plugins'],
        params: one,
        body: TestBody,
        response: { 200: TestAnswer },
      },
    },
    async (request) => plugins().test(request.params.id, request.params.name, request.body.config),
  )
}
