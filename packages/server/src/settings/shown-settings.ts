import type { Setting } from '@patchbay/contracts/setting'
import { type Declaration, declarations } from './declarations.ts'
import type { Settings } from './settings.ts'
import { changeable, isChangeable, type StoredSettings } from './stored-settings.ts'

/** Their text holds, or may hold, a secret. */
const secrets: ReadonlySet<string> = new Set(
  [
    declarations.apiKey,
    declarations.adminPassword,
    declarations.masterKey,
    declarations.mongodbUrl,
    declarations.redisUrl,
  ].map(({ name }) => name),
)

/** Every setting there is, with the value in force and where it comes from. `begun` is what the console had stored before the start. */
export const showSettings = ({ given, texts, stored: begun }: Settings, stored: StoredSettings): Setting[] =>
  Object.values<Declaration<unknown>>(declarations).map(({ name, fallback, description: meaning, shown }) => {
    const isGiven = given.has(name)
    const kept = isChangeable(name) ? stored[name] : undefined
    const waits = isChangeable(name) && changeable[name] === 'start'
    const inForce = isGiven ? texts.get(name) : ((waits && isChangeable(name) ? begun[name] : kept) ?? fallback)
    const byDefault = shown ?? fallback
    const isSecret = secrets.has(name)
    return {
      name,
      meaning,
      ...(isSecret ? { secret: true as const } : inForce ? { value: inForce } : {}),
      ...(byDefault ? { default: byDefault } : {}),
      from: isGiven ? 'environment' : kept === undefined ? 'default' : 'console',
      change: isChangeable(name) && !isGiven ? changeable[name] : 'environment',
      ...(waits && !isGiven && kept !== begun[name] ? { next: kept ?? null } : {}),
    }
  })
