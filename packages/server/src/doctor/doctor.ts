import { loadSettings } from '../settings/load-settings.ts'
import type { Settings } from '../settings/settings.ts'
import { SettingsError } from '../settings/settings-error.ts'
import { checkCertificates } from './certificates.ts'
import { checkDataFolder } from './data-folder.ts'
import { checkMongo, checkRedis } from './databases.ts'
import { checkConfiguration, checkGateway, checkPlugins } from './files.ts'
import { type Check, fail, type Finding, ok, reasonOf } from './finding.ts'
import { checkExposure, checkMachine } from './machine.ts'
import { checkPorts } from './ports.ts'
import { checkSecrets } from './secrets.ts'

/** One check may take this long; MongoDB's own waits are shorter. */
const checkMs = 20_000

const checks: readonly (readonly [string, Check])[] = [
  ['machine', checkMachine],
  ['data folder', checkDataFolder],
  ['ports', checkPorts],
  ['MongoDB', checkMongo],
  ['Redis', checkRedis],
  ['TLS certificate', checkCertificates],
  ['secrets', checkSecrets],
  ['exposure', checkExposure],
  ['configuration files', checkConfiguration],
  ['plugin folders', checkPlugins],
  ['gateway files', checkGateway],
]

export interface Diagnosis {
  /** No finding is a failure. */
  ok: boolean
  /** Settings that cannot be started with: nothing else could be looked at. */
  badSettings: boolean
  findings: Finding[]
}

const within = async (work: Promise<Finding[]>, name: string): Promise<Finding[]> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Finding[]>((resolve) => {
    const text = `nothing was found within ${checkMs / 1000} s`
    timer = setTimeout(() => resolve([fail(name, text, 'Something that it asks does not answer.')]), checkMs)
  })
  try {
    return await Promise.race([work, late])
  } catch (error) {
    return [fail(name, `could not be looked at: ${reasonOf(error)}`, 'Report this, with what stands here.')]
  } finally {
    clearTimeout(timer)
  }
}

/** Looks at every setting and connection. It changes nothing. */
export async function diagnose(env: Readonly<Record<string, string | undefined>>): Promise<Diagnosis> {
  let settings: Settings
  try {
    settings = await loadSettings(env)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    const remedy = 'docs/reference/settings.md has them all.'
    return { ok: false, badSettings: true, findings: [fail('settings', error.message, remedy)] }
  }
  const patient = { settings, env, nowMs: Date.now() }
  const found = await Promise.all(checks.map(([name, check]) => within(check(patient), name)))
  const set = new Set([...settings.given.keys(), ...Object.keys(settings.stored)])
  const findings = [ok('settings', `${set.size} are set, all can be read`), ...found.flat()]
  return { ok: findings.every(({ state }) => state !== 'fail'), badSettings: false, findings }
}
