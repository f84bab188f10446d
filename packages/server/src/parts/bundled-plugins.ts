import type { BundledPlugin } from '@patchbay/plugin-host/package'
import type { DefaultInstance } from '@patchbay/plugin-host/host-options'

/** The plugins that come with the platform; each has one instance from the first start on, which an admin may change or disable. */
const names = ['adapter-mqtt', 'adapter-http'] as const

const entryOf = (manifest: unknown): string => {
  const entry: unknown = typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'entry') : undefined
  return typeof entry === 'string' ? entry : 'src/index.ts'
}

export const bundledPlugins: readonly BundledPlugin[] = names.map((name) => {
  const manifestFile = import.meta.resolve(`@patchbay/${name}/plugin.json`)
  return {
    manifestFile,
    async load() {
      const manifest: unknown = (await import(manifestFile, { with: { type: 'json' } })).default
      const module: unknown = await import(new URL(entryOf(manifest), manifestFile).href)
      return module
    },
  }
})

export const defaultInstances: readonly DefaultInstance[] = names.map((plugin) => ({
  plugin,
  name: 'default',
  config: {},
}))
