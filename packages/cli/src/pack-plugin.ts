import { createPrivateKey } from 'node:crypto'
import { access, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { checkModule } from '@patchbay/plugin-host/manifest/check'
import { readManifest } from '@patchbay/plugin-host/manifest/read'
import { loadPlugin } from '@patchbay/plugin-host/packages/load-plugin'
import { type Permissions, permissionsOf } from '@patchbay/plugin-host/packages/needs'
import { packArchive } from '@patchbay/plugin-host/packages/pack'
import { checkUnpacked } from '@patchbay/plugin-host/packages/package-rules'
import { signTree } from '@patchbay/plugin-host/packages/signature'
import { hashTree, signatureFile } from '@patchbay/plugin-host/packages/tree-hash'
import { readArchive } from '@patchbay/plugin-host/packages/unpack'
import { apiVersion } from '@patchbay/sdk'

/** Taken along where they are there. */
const optional = ['LICENSE']

export interface PackedPlugin {
  id: string
  version: string
  sha512: string
  permissions: Permissions
  archive: Buffer
  paths: readonly string[]
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return true
  } catch {
    // Not there, or not for us to read: either way it is left out.
    return false
  }
}

/**
 * Packs what the manifest names and nothing else, after the checks that a server makes when the package is installed; the code is loaded
 * once, to compare its fields with config.schema.json. `keyFile`: an Ed25519 private key in PEM, to sign with.
 */
export async function packPlugin(folder: string, keyFile?: string): Promise<PackedPlugin> {
  const root = resolve(folder)
  const { manifest } = await readManifest(join(root, 'plugin.json'))
  const named = ['plugin.json', 'package.json', manifest.entry, manifest.config, manifest.docs, manifest.icon]
  const more = []
  for (const path of optional) if (await exists(join(root, path))) more.push(path)
  const staging = await mkdtemp(join(tmpdir(), 'patchbay-pack-'))
  try {
    for (const path of new Set([...named, ...more]))
      if (path !== undefined) await cp(join(root, path), join(staging, path))
    const tree = await hashTree(staging)
    const { version } = await checkUnpacked(staging, tree.paths, apiVersion)
    await checkModule(manifest, staging, await loadPlugin(staging))
    if (keyFile !== undefined) {
      const signature = signTree(tree, createPrivateKey(await readFile(keyFile)))
      await writeFile(join(staging, signatureFile), `${JSON.stringify(signature, undefined, 2)}\n`)
    }
    const { paths } = await hashTree(staging)
    const files = await Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(join(staging, path)) })))
    const archive = packArchive(files)
    // What a server would refuse for its size or names is not handed out.
    for await (const _ of readArchive(archive));
    return { id: manifest.id, version, sha512: tree.sha512, permissions: permissionsOf(manifest), archive, paths }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
