import type { ConfigurationOutcome } from '@patchbay/contracts/configuration'
import type { Rules } from '@patchbay/core/rules/rules'
import type { PluginHost } from '@patchbay/plugin-host/host'
import { defaultInstances } from '../parts/bundled-plugins.ts'
import type { Inside, Insider } from '../rest/inside.ts'
import { carryOut, toOutcome } from './carry-out.ts'
import { type Ask, readAll } from './current.ts'
import { toDocument } from './export.ts'
import type { Kind } from './kinds.ts'
import type { Environment } from './placeholders.ts'
import { createPlanner } from './plan.ts'
import type { Fields } from './plain-value.ts'
import type { Demand } from './wanted.ts'
import { toYaml } from './yaml-text.ts'

export interface ConfigurationParts {
  inside: Inside
  plugins: Pick<PluginHost, 'foresee' | 'plugin'>
  rules: Pick<Rules, 'check'>
}

export interface ApplyOptions {
  dryRun: boolean
  /** What `${NAME}` stands for; undefined where the sender has filled in what is his. */
  env?: Environment
  /** Nothing more is begun after its abort. */
  signal?: AbortSignal
}

/** The whole configuration as a document, and a document as the configuration. */
export interface Configuration {
  /** YAML, with a placeholder in the place of each secret. */
  export(insider: Insider): Promise<string>
  apply(insider: Insider, demand: Demand, options: ApplyOptions): Promise<ConfigurationOutcome>
}

/** There from the start, and so no less wanted because a document does not name them. */
const isBuiltIn = (kind: Kind, thing: Fields): boolean => {
  if (kind.name === 'types') return thing['id'] === 'default'
  if (!kind.plugin) return false
  return defaultInstances.some(({ plugin, name }) => plugin === thing['plugin'] && name === thing['name'])
}

export function createConfiguration({ inside, plugins, rules }: ConfigurationParts): Configuration {
  // Two at once would each plan against what the other is changing.
  let last: Promise<unknown> = Promise.resolve()
  const oneByOne = <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work)
    last = next
    return next
  }
  return {
    async export(insider) {
      return toYaml(toDocument(await readAll((request) => inside(insider, request))))
    },
    apply: (insider, demand, { dryRun, env, signal }) =>
      oneByOne(async () => {
        const ask: Ask = (request) => inside(insider, request)
        const current = await readAll(ask, demand.listed)
        const steps = await createPlanner({ ask, current, plugins, rules, env, isBuiltIn }).plan(demand)
        if (dryRun)
          return toOutcome(
            true,
            steps.map(({ item }) => item),
          )
        return carryOut(ask, steps, signal)
      }),
  }
}
