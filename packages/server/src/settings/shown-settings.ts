import type { Setting } from '@patchbay/contracts/setting'
import { type Declaration, declarations } from './declarations.ts'
import type { Settings } from './settings.ts'
import { changeable, isChangeable, type StoredSettings } from './stored-settings.ts'

/** Their text may be seen by whoever may read the system. Of any other only that it is set: one that is new is a secret until it stands here. */
export const openSettings: ReadonlySet<string> = new Set(
  [
    declarations.host,
    declarations.port,
    declarations.plain,
    declarations.data,
    declarations.adminUser,
    declarations.publicUrl,
    declarations.trustedProxies,
    declarations.tlsCert,
    declarations.tlsKey,
    declarations.tlsNames,
    declarations.openTopics,
    declarations.allowPrivateTargets,
    declarations.durability,
    declarations.roles,
    declarations.pluginPolicy,
    declarations.pluginPublishers,
    declarations.pluginVerified,
    declarations.pluginRegistry,
    declarations.pluginLinks,
    declarations.mqttPort,
    declarations.mqttsPort,
    declarations.coapPort,
    declarations.coapsPort,
    declarations.amqpPort,
    declarations.grpcPort,
    declarations.config,
    declarations.gateway,
    declarations.backups,
    declarations.redisCa,
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
    const isSecret = !openSettings.has(name)
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
