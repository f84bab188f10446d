import type { PluginManifest } from '@patchbay/contracts/plugin'
import { toConfigSchemaFile } from '@patchbay/plugin-host/manifest/check'
import { packArchive } from '@patchbay/plugin-host/packages/pack'
import { definePlugin, field } from '@patchbay/sdk'

export const hostileActs = [
  'nothing',
  'throw',
  'loop',
  'memory',
  'buffers',
  'exit',
  'hang-in-start',
  'loop-in-start',
  'hang-in-stop',
  'loop-in-stop',
  'readings',
  'readings-for-ever',
  'lines',
  'output',
  'listener',
  'lie',
] as const
export type HostileAct = (typeof hostileActs)[number]

const config = {
  does: field.choice(hostileActs),
  device: field.text({ default: 'flooded' }),
  port: field.integer({ default: 0 }),
}

/** Code of somebody else that goes wrong in the way that its configuration says: plain JavaScript with nothing beside it, as it is packed. */
const code = `
import { createServer } from 'node:net'
const forever = () => { for (;;); }
export default {
  [Symbol.for('patchbay.plugin')]: true,
  configSchema: ${JSON.stringify(definePlugin({ config, setup() {} }).configSchema)},
  migrate: {},
  async setup(ctx) {
    const { does, device, port } = ctx.config
    const publish = (n) => ctx.sessions.publishFor({ kind: 'device', id: device }, 'zoo', 'devices/' + device + '/telemetry', Buffer.from('{"n":' + n + '}'))
    const held = []
    const soon = (work) => void setTimeout(work, 20)
    const acts = {
      'nothing': () => undefined,
      'throw': () => soon(() => { throw new Error('thrown late') }),
      'loop': () => soon(forever),
      'memory': () => soon(() => { for (;;) held.push(Array.from({ length: 100_000 }, (_, index) => index + 0.5)) }),
      'buffers': () => soon(() => { for (let count = 0; count < 20; count += 1) held.push(Buffer.alloc(16 * 1024 * 1024, 1)) }),
      'exit': () => soon(() => process.exit(7)),
      'hang-in-start': () => new Promise(() => undefined),
      'loop-in-start': forever,
      'hang-in-stop': () => ctx.own('hanging', () => new Promise(() => undefined)),
      'loop-in-stop': () => ctx.own('looping', forever),
      'readings': () => soon(() => { for (let count = 0; count < 1_000_000; count += 1) publish(count).catch(() => undefined) }),
      'readings-for-ever': () => soon(async () => {
        for (let count = 0; ; ) await Promise.allSettled(Array.from({ length: 5000 }, () => publish(count++)))
      }),
      'lines': () => { for (let count = 0; count < 20_000; count += 1) ctx.log.warn('line ' + count) },
      'output': () => soon(function more() {
        for (let count = 0; count < 200; count += 1) process.stdout.write('x'.repeat(10_000) + '\\n')
        setImmediate(more)
      }),
      'listener': () => new Promise((resolve) => createServer().listen(port, '127.0.0.1', resolve)),
      'lie': () => ctx.codec('undeclared', { decode: () => [] }),
    }
    await acts[does]()
  },
}
`

/** The packed tarball of a plugin that harms in as many ways as there are. */
export const packHostile = (id: string, level: 'worker' | 'process', more: Partial<PluginManifest> = {}): Buffer => {
  const manifest: PluginManifest = {
    manifest: 1,
    id,
    name: 'Hostile',
    summary: 'Harms the platform where it can',
    api: '^1.0.0',
    entry: 'dist/index.js',
    config: 'config.schema.json',
    configVersion: 1,
    instances: 'many',
    runs: 'each',
    contributes: {},
    needs: { services: ['sessions'] },
    isolation: { least: level, memoryMb: 48 },
    limits: { startMs: 5_000, stopMs: 2_000 },
    docs: 'README.md',
    ...more,
  }
  const files: Record<string, string> = {
    'plugin.json': JSON.stringify(manifest),
    'package.json': JSON.stringify({ name: `@acme/${id}`, version: '1.0.0', type: 'module' }),
    'config.schema.json': toConfigSchemaFile(definePlugin({ config, setup() {} })),
    'dist/index.js': code,
    'README.md': '# Hostile\n',
  }
  return packArchive(Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text) })))
}
