import { deprecatedVersions } from '@patchbay/plugin-host/deprecated'
import { type Deprecation, deprecations } from '@patchbay/sdk'
import type { Rule } from '../rule.ts'
import { search } from '../source-search.ts'
import type { SourceText } from '../subject.ts'

/** What the code calls the context that `setup` is given, and helpers after it. */
const contextNames = (sources: readonly SourceText[]): string[] => {
  const names = new Set(['ctx', 'context'])
  for (const { code } of sources)
    for (const match of code.matchAll(
      /\bsetup\s*(?::\s*(?:async\s*)?)?\(?\s*([A-Za-z_$][\w$]*)|\b([\w$]+)\s*:\s*Context\b/g,
    ))
      names.add((match[1] ?? match[2] ?? '').replaceAll('$', '\\$'))
  return [...names]
}

/** `ctx.every`, and `{ every } = ctx`; of a service, also `sessions.relay`, since it is mostly taken out of the context before. */
const usesOf = (name: string, contexts: readonly string[]): RegExp => {
  const path = name.split('.').slice(1)
  const member = path.at(-1)
  const owner = path.length > 1 ? path.at(-2) : `(?:${contexts.join('|')})`
  return new RegExp(
    `\\b${owner}\\s*\\??\\.\\s*${member}\\b|\\{[^{}]*\\b${member}\\b[^{}]*\\}\\s*=[^=;\\n]*\\b${owner}\\b`,
    'g',
  )
}

const insteadOf = ({ since, gone, instead }: Deprecation): string =>
  `deprecated since plugin API ${since} and gone in ${gone}. ${instead}`

/** The rule over a table of its own, for its tests. */
export const noDeprecated = (table: readonly Deprecation[]): Rule => ({
  id: 'no-deprecated',
  tier: 'recommended',
  asks: 'Code and manifest use nothing of the plugin API that is deprecated',
  find({ manifest, sources }) {
    const contexts = contextNames(sources)
    return [
      ...deprecatedVersions(table, manifest.api).map(
        (each) => `plugin.json: api is ${manifest.api}; ${each.name} is ${insteadOf(each)}`,
      ),
      ...table
        .filter(({ name }) => name.startsWith('ctx.'))
        .flatMap((each) =>
          search(sources, usesOf(each.name, contexts)).map(
            ({ place }) => `${place} uses ${each.name}, ${insteadOf(each)}`,
          ),
        ),
    ]
  },
})

export const rule = noDeprecated(deprecations)
