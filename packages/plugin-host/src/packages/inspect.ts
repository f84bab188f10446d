import { apiVersion as sdkApiVersion } from '@patchbay/sdk'
import semver from 'semver'
import { HostError } from '../errors.ts'
import { permissionsOf } from './needs.ts'
import { checkUnpacked } from './package-rules.ts'
import { assertAdmitted, tierOf, type Trust } from './policy.ts'
import type { Release } from './record.ts'
import { findSigner } from './signature.ts'
import { hashTree } from './tree-hash.ts'

export interface InspectParts {
  trust: Trust
  isBundled(id: string): boolean
  apiVersion?: string
  now(): string
}

/** What an unpacked package is, with everything checked that can be without running it. */
export async function inspectPackage(folder: string, parts: InspectParts): Promise<{ id: string; release: Release }> {
  const { trust } = parts
  const tree = await hashTree(folder)
  const { manifest, version } = await checkUnpacked(folder, tree.paths, parts.apiVersion ?? sdkApiVersion)
  const { id } = manifest
  if (parts.isBundled(id))
    throw new HostError('PLUGIN_ID_TAKEN', `${id} comes with the platform. Give the plugin another id.`)
  const signer = await findSigner(folder, tree, trust.publishers)
  const tier = tierOf({ id, version, sha512: tree.sha512 }, signer, trust)
  assertAdmitted(`${id} ${version}`, tier, trust)
  const release: Release = {
    version,
    sha512: tree.sha512,
    tier,
    ...(signer === undefined ? {} : { publisher: signer }),
    permissions: permissionsOf(manifest),
    stagedAt: parts.now(),
  }
  return { id, release }
}

/** A version is one content for good, and the way back is a rollback: that an old hole comes in again must be somebody's wish. */
export function assertNewer(id: string, { version, sha512 }: Release, current: Release | undefined): void {
  if (!current) return
  if (semver.lt(version, current.version))
    throw new HostError(
      'PACKAGE_DOWNGRADE',
      `${id} ${current.version} is installed, which is newer than ${version}. Roll back, or remove it first.`,
    )
  if (current.sha512 === sha512)
    throw new HostError('PACKAGE_VERSION_TAKEN', `${id} ${version} is installed already, with this very content.`)
  if (semver.eq(version, current.version))
    throw new HostError(
      'PACKAGE_VERSION_TAKEN',
      `${id} ${version} is installed with other content. Raise the version in package.json.`,
    )
}
