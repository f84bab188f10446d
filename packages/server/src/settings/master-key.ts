import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { key32, Unfit } from './kinds.ts'
import { closeToOthers, readIfThere, writeWhole } from './private-file.ts'
import { SettingsError } from './settings-error.ts'

/** The master key: PATCHBAY_MASTER_KEY, else `master.key` in the data folder, made at first start for its owner's eyes only. */
export async function loadMasterKey(from: { data: string; masterKey?: Buffer }): Promise<Buffer> {
  if (from.masterKey) return from.masterKey
  const path = join(from.data, 'master.key')
  const kept = await readIfThere(path)
  if (kept === undefined) {
    const made = randomBytes(32)
    await writeWhole(path, `${made.toString('base64')}\n`, 0o600)
    return made
  }
  try {
    const key = key32(kept.trim())
    await closeToOthers(path)
    return key
  } catch (cause) {
    if (!(cause instanceof Unfit)) throw cause
    throw new SettingsError(
      'PATCHBAY_MASTER_KEY',
      `is not set and the file ${path} does not hold 32 bytes in base64`,
      'restore that file from a backup; with a new key the secrets sealed so far cannot be read',
      { cause },
    )
  }
}
