import { declarations } from '../settings/declarations.ts'
import type { Settings } from '../settings/settings.ts'

const secret = new Set([
  declarations.apiKey.name,
  declarations.adminPassword.name,
  declarations.masterKey.name,
  declarations.backupPassphrase.name,
])
/** Addresses that may hold a password: scheme, hosts and path are shown. */
const address = new Set([declarations.mongodbUrl.name, declarations.redisUrl.name])

const withoutUser = (url: string): string => url.replace(/^([a-z+]+:\/\/)(?:.*@)?/s, '$1').replace(/\?.*$/s, '')

/** What is set, with no secret among it. */
export const showSettings = ({ given }: Pick<Settings, 'given'>): Record<string, unknown> =>
  Object.fromEntries(
    [...given].map(([name, value]) => {
      if (secret.has(name)) return [name, '[set]']
      if (address.has(name)) return [name, withoutUser(String(value))]
      return [name, value]
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
