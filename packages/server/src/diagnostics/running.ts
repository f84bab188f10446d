import { storedSecretsOf } from '@patchbay/plugin-host/config/secrets'
import type { InstanceStore } from '@patchbay/plugin-host/instance-store'
import { isFields } from '../configuration/plain-value.ts'
import type { Inside, Insider } from '../rest/inside.ts'
import type { SecretBox } from '../settings/secret-box.ts'

/** What a running platform says of itself, each as REST answers it to whoever asks for the archive. */
const questions = [
  { path: 'state/readiness.json', url: '/readyz' },
  { path: 'state/listeners.json', url: '/api/v1/system/listeners' },
  { path: 'state/storage.json', url: '/api/v1/system/storage' },
  { path: 'state/jobs.json', url: '/api/v1/jobs' },
  { path: 'state/plugins.json', url: '/api/v1/plugins' },
  { path: 'metrics.txt', url: '/metrics' },
]

/** Schemas and manifests are in the packages; only how it does is news. */
const shortPlugin = (plugin: unknown): unknown => {
  if (!isFields(plugin)) return plugin
  const { id, version, state, tier, level, instances, problem } = plugin
  return { id, version, state, tier, level, instances, problem }
}

const toText = (answer: unknown): string => {
  if (typeof answer === 'string') return answer
  const items = isFields(answer) ? answer['items'] : undefined
  const short = isFields(answer) && Array.isArray(items) && 'installs' in answer ? items.map(shortPlugin) : answer
  return `${JSON.stringify(short, undefined, 2)}\n`
}

/** Its state, metrics and last log lines. */
export async function readRunning(
  inside: Inside,
  insider: Insider,
  recentLog: () => readonly string[],
): Promise<{ path: string; text: string }[]> {
  const files: { path: string; text: string }[] = []
  for (const { path, url } of questions)
    files.push({ path, text: toText((await inside(insider, { method: 'GET', url })).body) })
  return [...files, { path: 'log.txt', text: recentLog().join('') }]
}

/** The secrets of every plugin instance, to be looked for in what was written. */
export async function readPluginSecrets(instances: Pick<InstanceStore, 'list'>, box: SecretBox): Promise<string[]> {
  return (await instances.list()).flatMap(({ config }) => storedSecretsOf(config, box))
}
