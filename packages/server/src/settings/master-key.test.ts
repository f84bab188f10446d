import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadMasterKey } from './master-key.ts'
import { SettingsError } from './settings-error.ts'

describe('master key', () => {
  let data: string
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'patchbay-key-'))
  })
  afterEach(() => rm(data, { recursive: true }))

  test('is made once, for the owner alone, and read again', async () => {
    const made = await loadMasterKey({ data })
    expect(made).toHaveLength(32)
    expect(await readdir(data)).toEqual(['master.key'])
    expect((await stat(join(data, 'master.key'))).mode & 0o777).toBe(0o600)
    await chmod(join(data, 'master.key'), 0o644)
    expect(await loadMasterKey({ data })).toEqual(made)
    expect((await stat(join(data, 'master.key'))).mode & 0o777).toBe(0o600)
  })

  test('of the environment wins and writes nothing', async () => {
    const masterKey = Buffer.alloc(32, 1)
    expect(await loadMasterKey({ data, masterKey })).toBe(masterKey)
    expect(await readdir(data)).toEqual([])
  })

  test('a damaged file stops the start instead of locking all secrets away', async () => {
    await writeFile(join(data, 'master.key'), 'oops')
    await expect(loadMasterKey({ data })).rejects.toThrow(SettingsError)
  })
})
