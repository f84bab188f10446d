import { expect, test } from 'vitest'
import { declarations } from './declarations.ts'
import { readSettings } from './settings.ts'
import { showSettings } from './shown-settings.ts'

const secrets = {
  PATCHBAY_API_KEY: 'key-that-nobody-may-see-0123456789abcdef',
  PATCHBAY_ADMIN_PASSWORD: 'password nobody may see',
  PATCHBAY_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'),
  PATCHBAY_BACKUP_PASSPHRASE: 'passphrase nobody may see',
  MONGODB_URL: 'mongodb://user:hidden@127.0.0.1:27017/patchbay',
  REDIS_URL: 'redis://:hidden@127.0.0.1:6379/0',
}

test('no secret of the environment is shown, only that it is set', () => {
  const settings = readSettings({ ...secrets, PATCHBAY_ADMIN_USER: 'ann', PATCHBAY_HOST: '127.0.0.1' })
  const shown = showSettings(settings, {})
  expect(shown).toHaveLength(Object.keys(declarations).length)
  const text = JSON.stringify(shown)
  for (const [name, secret] of Object.entries(secrets)) {
    expect(text).not.toContain(secret)
    expect(shown.find((each) => each.name === name)).toMatchObject({ secret: true, from: 'environment' })
  }
  expect(text).not.toContain('hidden')
  // Whoever adds a setting decides: what is not said to be open is one of these.
  expect(shown.flatMap(({ secret, name }) => (secret ? [name] : [])).toSorted()).toEqual(
    Object.keys(secrets).toSorted(),
  )
})
