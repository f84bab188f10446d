import type { BundledPlugin } from '@patchbay/plugin-host/package'
import type { DefaultInstance } from '@patchbay/plugin-host/host-options'

/** The plugins that come with the platform and have one instance from the first start on, which an admin may change or disable. */
const started = [
  { plugin: 'adapter-mqtt', name: 'default' },
  { plugin: 'adapter-http', name: 'default' },
  { plugin: 'adapter-coap', name: 'default' },
  { plugin: 'adapter-websocket', name: 'default' },
  { plugin: 'adapter-amqp', name: 'default' },
  { plugin: 'adapter-grpc', name: 'default' },
  { plugin: 'adapter-influx', name: 'default' },
  { plugin: 'gateway-mqtt', name: 'default' },
  { plugin: 'alert-web', name: 'inbox' },
] as const

/** Those that an admin makes instances of. */
const offered = [
  'access-http',
  'access-jwt',
  'alert-discord',
  'alert-email',
  'alert-mqtt',
  'alert-slack',
  'alert-teams',
  'alert-telegram',
  'alert-webhook',
  'bridge-mqtt',
  'sink-amqp',
  'sink-file',
  'sink-influxdb',
  'sink-kafka',
  'sink-kinesis',
  'sink-mongodb',
  'sink-pubsub',
  'sink-questdb',
  'sink-timescaledb',
  'sink-webhook',
  'source-amqp',
  'source-kafka',
] as const

const entryOf = (manifest: unknown): string => {
  const entry: unknown = typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'entry') : undefined
  return typeof entry === 'string' ? entry : 'src/index.ts'
}

export const bundledPlugins: readonly BundledPlugin[] = [...started.map(({ plugin }) => plugin), ...offered].map(
  (name) => {
    const manifestFile = import.meta.resolve(`@patchbay/${name}/plugin.json`)
    return {
      manifestFile,
      async load() {
        const manifest: unknown = (await import(manifestFile, { with: { type: 'json' } })).default
        const module: unknown = await import(new URL(entryOf(manifest), manifestFile).href)
        return module
      },
    }
  },
)

/** Those with a library that they load with their first client or instance. */
const withLibrary = ['adapter-grpc', 'access-jwt'] as const

/** Loads those libraries: whoever comes first would have to wait, and everybody else with him, until they are compiled. */
export const loadLater = async (): Promise<void> => {
  for (const name of withLibrary) {
    const module: unknown = await import(import.meta.resolve(`@patchbay/${name}/library`))
    if (typeof module === 'object' && module !== null && 'loadLibrary' in module) {
      if (typeof module.loadLibrary === 'function') await module.loadLibrary()
    }
  }
}

export const defaultInstances: readonly DefaultInstance[] = started.map((each) => ({ ...each, config: {} }))
