import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { Plugin, PluginId, StagedPlugin } from '@patchbay/contracts/plugin'
import { archiveLimits } from '@patchbay/plugin-host/packages/archive-limits'
import { fetchFromRegistry } from '@patchbay/plugin-host/packages/npm-registry'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { callerOf } from '../rest/caller.ts'
import { RestError } from '../rest/errors.ts'
import { ref } from '../rest/ref.ts'
import type { Routes } from '../rest/route-deps.ts'
import { showPlugin } from './plugin-view.ts'

const params = Type.Object({ id: PluginId })
const closed = { additionalProperties: false } as const
const FromRegistry = Type.Object(
  {
    npm: Type.String({ minLength: 1, maxLength: 214 }),
    version: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: 'Exact; the latest when left out' }),
    ),
  },
  closed,
)
const Isolation = Type.Union([Type.Literal('host'), Type.Literal('worker')], {
  description:
    'host: runs it in the platform’s own thread, with all that the platform may do, where its manifest asks for that. Left out: as the version before, else worker',
})
const ApproveBody = Type.Object(
  {
    version: Type.String({ minLength: 1, maxLength: 64 }),
    sha512: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{128}$', description: 'Refused when other content waits by now' }),
    ),
    isolation: Type.Optional(Isolation),
  },
  closed,
)

/** Installs, upgrades, swaps and removes plugins on the running server. */
export const packageRoutes: Routes = (app, { plugins, packages, settings }) => {
  const show = (id: string) => showPlugin(plugins(), packages(), id)

  const archiveOf = async (body: unknown): Promise<Uint8Array> => {
    if (Buffer.isBuffer(body)) return body
    if (Value.Check(FromRegistry, body)) return fetchFromRegistry(settings.pluginRegistry, body.npm, body.version)
    throw new RestError(
      'REQUEST_INVALID',
      'Send the packed tarball as application/gzip, or {"npm": name, "version"?} as JSON.',
    )
  }

  // In a scope of its own: no other route takes a body of this type and size.
  void app.register(async (scope) => {
    scope.addContentTypeParser(
      'application/gzip',
      { parseAs: 'buffer', bodyLimit: archiveLimits.packedBytes },
      (_request, body, done) => done(null, body),
    )
    scope.withTypeProvider<TypeBoxTypeProvider>().post(
      '/api/v1/plugins',
      {
        bodyLimit: archiveLimits.packedBytes,
        config: { permission: 'plugins.write' },
        schema: {
          operationId: 'uploadPlugin',
          summary:
            'Takes in a packed plugin (or, with {"npm", "version"?} as JSON, gets it from the registry); nothing of it runs before it is approved',
          tags: ['plugins'],
          consumes: ['application/gzip', 'application/json'],
          querystring: Type.Object({
            approve: Type.Optional(
              Type.Boolean({ description: 'Approves at once, unless an upgrade asks for more than was approved' }),
            ),
            isolation: Type.Optional(Isolation),
          }),
          body: Type.Unsafe<unknown>({}),
          response: { 202: ref(StagedPlugin) },
        },
      },
      async (request, reply) => {
        const { id, release, wider } = await packages().stage(await archiveOf(request.body))
        const { version, sha512, tier, publisher, permissions } = release
        request.auditTarget = id
        const isUpgrade = packages().record(id)?.current !== undefined
        const approves = request.query.approve === true && (!isUpgrade || wider.length === 0)
        const { isolation } = request.query
        request.auditChanges = { version, sha512, tier, wider, ...(isolation === undefined ? {} : { isolation }) }
        if (approves)
          await packages().approve(id, {
            version,
            sha512,
            by: callerOf(request).actor,
            ...(isolation === undefined ? {} : { isolation }),
          })
        return reply.code(202).send({
          id,
          version,
          sha512,
          tier,
          ...(publisher === undefined ? {} : { publisher }),
          needs: permissions,
          wider,
          approval: approves ? ('given' as const) : ('pending' as const),
        })
      },
    )
  })
  app.post(
    '/api/v1/plugins/:id/approve',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'approvePlugin',
        summary:
          'Installs or upgrades to the version that waits, or, with isolation, gives the one that runs another level; what does not start is taken back by itself',
        tags: ['plugins'],
        params,
        body: ApproveBody,
        response: { 200: ref(Plugin) },
      },
    },
    async (request) => {
      request.auditChanges = { ...request.body }
      await packages().approve(request.params.id, { ...request.body, by: callerOf(request).actor })
      return show(request.params.id)
    },
  )
  app.post(
    '/api/v1/plugins/:id/rollback',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'rollbackPlugin',
        summary: 'Runs the version before, with the configurations of then where those of now are too new for it',
        tags: ['plugins'],
        params,
        response: { 200: ref(Plugin) },
      },
    },
    async (request) => {
      await packages().rollback(request.params.id)
      return show(request.params.id)
    },
  )
  app.delete(
    '/api/v1/plugins/:id/staged',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'rejectPlugin',
        summary: 'Deletes the version that waits for approval',
        tags: ['plugins'],
        params,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await packages().reject(request.params.id)
      return reply.code(204).send(null)
    },
  )
  app.delete(
    '/api/v1/plugins/:id',
    {
      config: { permission: 'plugins.write' },
      schema: {
        operationId: 'removePlugin',
        summary: 'Stops its instances and removes the plugin, its instances and what they stored',
        tags: ['plugins'],
        params,
        querystring: Type.Object({
          data: Type.Optional(
            Type.Union([Type.Literal('keep'), Type.Literal('delete')], {
              description: 'keep: the instances come back when it is installed again',
            }),
          ),
        }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await packages().remove(request.params.id, request.query.data === 'keep')
      return reply.code(204).send(null)
    },
  )
}
