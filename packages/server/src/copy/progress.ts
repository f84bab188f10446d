import { CopiedView } from '@patchbay/contracts/system'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { RegistryStore } from '@patchbay/core/registry/port'
import { copiedDocument, copyDocument } from './unfinished.ts'

const Progress = Type.Object({
  /** The writer of the source's log: another copy does not go on from here. */
  source: Type.String(),
  /** The devices up to here are in the target, with so many points. */
  device: Type.String(),
  points: Type.Number(),
})
export type Progress = Static<typeof Progress>

export async function readProgress(registry: RegistryStore): Promise<Progress | undefined> {
  const found = await registry.get('meta', copyDocument)
  return found && Value.Check(Progress, found.body) ? found.body : undefined
}

export async function keepProgress(registry: RegistryStore, progress: Progress): Promise<void> {
  await registry.put('meta', copyDocument, { ...progress }, 'any')
}

/** Its result stays, for people to see. */
export async function endProgress(registry: RegistryStore, copied: CopiedView): Promise<void> {
  await registry.put('meta', copiedDocument, { ...copied }, 'any')
  await registry.delete('meta', copyDocument)
}

export async function readCopied(registry: RegistryStore): Promise<CopiedView | undefined> {
  const found = await registry.get('meta', copiedDocument)
  return found && Value.Check(CopiedView, found.body) ? found.body : undefined
}
