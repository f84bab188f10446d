import { declarations } from '../settings/declarations.ts'
import type { Settings } from '../settings/settings.ts'
import { openSettings } from '../settings/shown-settings.ts'

/** Addresses that may hold a password: scheme, hosts and path are shown. */
const address = new Set([declarations.mongodbUrl.name, declarations.redisUrl.name])

const withoutUser = (url: string): string => url.replace(/^([a-z+]+:\/\/)(?:.*@)?/s, '$1').replace(/\?.*$/s, '')

/** What the environment and the console have set, with no secret among it. */
export const showSettings = ({ given, stored }: Pick<Settings, 'given' | 'stored'>): Record<string, unknown> =>
  Object.fromEntries(
    [...new Map<string, unknown>([...Object.entries(stored), ...given])].map(([name, value]) => {
      if (openSettings.has(name)) return [name, value]
      return [name, address.has(name) ? withoutUser(String(value)) : '[set]']
    }),
  )

/** Every secret among the settings, to be looked for elsewhere. */
export const secretsOfSettings = (settings: Settings): string[] => {
  const { apiKey, adminPassword, masterKey, backupPassphrase, mongodbUrl, redisUrl } = settings
  const passwords = [mongodbUrl, redisUrl].flatMap((url) => {
    const [, user = '', password = ''] = /^[a-z+]+:\/\/([^:@]*):(.*)@/s.exec(url ?? '') ?? []
    return password === '' ? [] : [password, decode(password), `${user}:${password}`]
  })
  return [
    ...[apiKey, adminPassword, backupPassphrase].filter((each) => each !== undefined),
    ...(masterKey ? [masterKey.toString('base64'), masterKey.toString('hex')] : []),
    ...passwords,
  ]
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not encoded: it is what it is.
    return text
  }
}
