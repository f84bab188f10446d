import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Generated, GenerateError, load, root } from './generator.ts'

/** plugins/*\/config.schema.json, from each plugin's fields, in the form that the host compares at load. */
export async function generateConfigSchemas(): Promise<Generated[]> {
  const { toConfigSchemaFile } = await load('packages/plugin-host/src/manifest/check.ts')
  if (typeof toConfigSchemaFile !== 'function') throw new GenerateError('plugin-host exports no toConfigSchemaFile')
  const generated: Generated[] = []
  for (const folder of readdirSync(join(root, 'plugins')).sort()) {
    if (!existsSync(join(root, 'plugins', folder, 'package.json'))) continue
    const source = `plugins/${folder}/src/index.ts`
    const { default: plugin } = await load(source)
    if (typeof plugin !== 'object' || plugin === null || !('configSchema' in plugin)) {
      throw new GenerateError(`${source} has no plugin as its default export`)
    }
    generated.push({ path: `plugins/${folder}/config.schema.json`, text: String(toConfigSchemaFile(plugin)) })
  }
  return generated
}
