import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readManifest } from '../manifest/read.ts'

/** The address of a plugin's code. Its folder has the version and the hash in its name, so another version is another module. */
export async function moduleUrlOf(folder: string): Promise<string> {
  const { manifest } = await readManifest(join(folder, 'plugin.json'))
  return pathToFileURL(join(folder, manifest.entry)).href
}

/** Loads the code of an installed plugin into this thread. What runs it elsewhere takes the address and loads it there. */
export async function loadPlugin(folder: string): Promise<unknown> {
  const module: unknown = await import(await moduleUrlOf(folder))
  return module
}
