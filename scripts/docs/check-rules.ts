import { type Generated, GenerateError, load } from './generator.ts'
import { isRecord, textOf, toPage, toTable } from './page.ts'

const source = 'packages/cli/src/check/rules.ts'

const tiers: readonly [string, string][] = [
  ['required', 'A server refuses a plugin that breaks one of these. `check` and `pack` fail.'],
  ['recommended', 'What users and admins will miss sooner or later.'],
  ['exemplary', 'What makes a plugin one to learn from.'],
]

/** docs/reference/plugin-rules.md: the rules of `patchbay plugin check`, from the rules themselves. */
export async function generateCheckRules(): Promise<Generated[]> {
  const { rules } = await load(source)
  if (!Array.isArray(rules) || rules.length === 0) throw new GenerateError(`${source} exports no rules`)
  const parts = tiers.flatMap(([tier, text]) => {
    const rows = rules.flatMap((rule: unknown) =>
      isRecord(rule) && rule['tier'] === tier
        ? [[`[${textOf(rule, 'id')}](../plugins/check/${textOf(rule, 'id')}.md)`, textOf(rule, 'asks')]]
        : [],
    )
    if (rows.length === 0) throw new GenerateError(`${source} has no rule of the tier ${tier}`)
    return [`## ${tier}`, text, toTable(['rule', 'asks that'], rows)]
  })
  const text = toPage(
    'What `patchbay plugin check` asks',
    source,
    '`npm run check`, or `patchbay plugin check <folder>`, asks these of a plugin, says what it found with the file and line, and names the page of the rule, which `patchbay plugin explain <rule>` shows in the terminal. A plugin has reached a tier when it keeps every rule of it and of those before it. `--tier recommended` or `--tier exemplary` fails below that tier, which is for the CI of a plugin.',
    'A rule that is not a server’s can be left out in package.json, with the reason, which is shown: `"patchbay": { "exempt": { "icon-there": "it is used by scripts only" } }`.',
    ...parts,
  )
  return [{ path: 'docs/reference/plugin-rules.md', text }]
}
