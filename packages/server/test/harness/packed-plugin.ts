import type { PluginManifest } from '@patchbay/contracts/plugin'
import { toConfigSchemaFile } from '@patchbay/plugin-host/manifest/check'
import { packArchive } from '@patchbay/plugin-host/packages/pack'
import { definePlugin, field } from '@patchbay/sdk'

export interface FeedOptions {
  version?: string
  configVersion?: 1 | 2
  /** Throws in setup, always. */
  broken?: boolean
  manifest?: Partial<PluginManifest>
  pack?: Record<string, unknown>
  /** More files, or others in place of its own. */
  files?: Record<string, string>
  id?: string
}

const fieldsOf = {
  1: { channel: field.text({ default: 'temperature', maxLength: 40 }), token: field.optional(field.secret()) },
  2: { key: field.text({ default: 'temperature', maxLength: 40 }), token: field.optional(field.secret()) },
}

/** A third party's plugin as it is packed: one file of plain JavaScript with nothing beside it. It takes readings over HTTP, counts them in its store, and says its version. */
const codeOf = (id: string, version: string, configVersion: 1 | 2, broken: boolean): string => `
const schema = ${JSON.stringify(definePlugin({ config: fieldsOf[configVersion], setup() {} }).configSchema)}
export default {
  [Symbol.for('patchbay.plugin')]: true,
  configSchema: schema,
  migrate: { 1: ({ channel, ...rest }) => ({ ...rest, key: channel }) },
  async setup(ctx) {
    ${broken ? "throw new Error('the new gears are stuck')" : ''}
    let count = (await ctx.store.get('count')) ?? 0
    const starts = ((await ctx.store.get('starts')) ?? 0) + 1
    await ctx.store.set('starts', starts)
    ctx.own('count', () => ctx.store.set('count', count))
    const sessions = new Map()
    const sessionOf = (authorization) => {
      if (!sessions.has(authorization)) {
        const [username, password] = Buffer.from(authorization.slice(6), 'base64').toString().split(':')
        const opened = ctx.sessions.open({ protocol: '${id}', address: '127.0.0.1', encrypted: true, credentials: { kind: 'password', username, password } })
        ctx.own('session', async () => (await opened).close())
        sessions.set(authorization, opened.then((session) => ({ session, username })))
      }
      return sessions.get(authorization)
    }
    ctx.http(async (app) => {
      app.get('/x/${id}', async () => ({ version: '${version}', config: ctx.config, starts }))
      app.post('/x/${id}/readings', async (request, reply) => {
        const { session, username } = await sessionOf(request.headers.authorization)
        await session.publish('devices/' + username + '/telemetry', Buffer.from(JSON.stringify(request.body)))
        count += 1
        return reply.code(204).send()
      })
    })
  },
}
`

/** The packed tarball of a plugin that feeds readings. */
export const packFeed = (options: FeedOptions = {}): Buffer => {
  const { id = 'acme-feed', version = '1.0.0', configVersion = 1, broken = false } = options
  const manifest: PluginManifest = {
    manifest: 1,
    id,
    name: 'Acme feed',
    summary: 'Takes readings over HTTP',
    api: '^1.0.0',
    entry: 'dist/index.js',
    config: 'config.schema.json',
    configVersion,
    instances: 'one',
    runs: 'each',
    contributes: {
      adapters: [{ name: id, title: 'Acme', directions: ['up'] }],
      http: [{ prefix: `/x/${id}`, auth: 'own' }],
    },
    needs: { services: ['sessions'] },
    isolation: { least: 'host' },
    limits: { startMs: 10_000, stopMs: 5000 },
    docs: 'README.md',
    ...options.manifest,
  }
  const files: Record<string, string> = {
    'plugin.json': JSON.stringify(manifest),
    'package.json': JSON.stringify({ name: `@acme/${id}`, version, type: 'module', ...options.pack }),
    'config.schema.json': toConfigSchemaFile(definePlugin({ config: fieldsOf[configVersion], setup() {} })),
    'dist/index.js': codeOf(id, version, configVersion, broken),
    'README.md': '# Acme feed\n',
    ...options.files,
  }
  return packArchive(Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) })))
}

/** Uploads as an admin does. */
export const uploadPlugin = async (url: string, key: string, archive: Uint8Array, query = '') => {
  const response = await fetch(`${url}/api/v1/plugins${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/gzip' },
    body: new Uint8Array(archive),
  })
  const body: any = await response.json()
  return { status: response.status, body }
}
