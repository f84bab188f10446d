import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { isHostError, toText } from '@patchbay/plugin-host/errors'
import { buildPlugin } from './build-plugin.ts'
import { checkPlugin, reaches, tierReached } from './check/check-plugin.ts'
import { explain } from './check/explain.ts'
import { toReport } from './check/report.ts'
import { isTier, type Tier, tiers } from './check/rule.ts'
import { rules } from './check/rules.ts'
import { type DevOptions, startDevServer } from './dev-server.ts'
import { type PackedPlugin, packPlugin } from './pack-plugin.ts'

export const usage = `patchbay plugin build <folder>
patchbay plugin check <folder> [--tier required|recommended|exemplary]
patchbay plugin explain <rule>
patchbay plugin pack <folder> [--key <private key in PEM>] [--out <file>]
patchbay plugin dev <folder> --server <checkout of Patchbay> [--config <file>]`

export interface Outcome {
  code: 0 | 1 | 2
  text: string
}

const wantsOf = ({ permissions }: PackedPlugin): string => {
  const { isolation, ...lists } = permissions
  const wants = Object.entries(lists).flatMap(([name, list]) => list.map((each) => `  ${name}: ${each}`))
  return [...wants, `  isolation: ${isolation}`].join('\n')
}

const describe = (packed: PackedPlugin): string =>
  `${packed.id} ${packed.version}\nsha512 ${packed.sha512}\nwhat an admin is asked to approve:\n${wantsOf(packed)}`

const verbs = ['build', 'check', 'dev', 'explain', 'pack'] as const
const isVerb = (text: string | undefined): text is (typeof verbs)[number] => verbs.some((verb) => verb === text)

/** Fails below the tier that was asked for: below `required`, unless somebody wants more. */
const check = async (folder: string, tier: Tier): Promise<Outcome> => {
  const verdicts = await checkPlugin(folder)
  const report = toReport(verdicts)
  if (tierReached(verdicts) === undefined) return { code: 1, text: report }
  const text = `${describe(await packPlugin(folder))}\n${report}`
  return reaches(verdicts, tier) ? { code: 0, text } : { code: 1, text: `${text}\nbelow the tier "${tier}"` }
}

/** What a command that goes on for a while says meanwhile, and what ends it. */
export interface Terminal {
  env: NodeJS.ProcessEnv
  print(text: string): void
  /** Aborted when the person wants it to end. */
  signal: AbortSignal
}

const dev = async (options: DevOptions, signal: AbortSignal): Promise<Outcome> => {
  const server = await startDevServer(options)
  const stop = (): void => void server.stop()
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const code = await server.ended
  await server.stop()
  return signal.aborted ? { code: 0, text: 'stopped' } : { code: 1, text: `the server ended with exit code ${code}` }
}

/** Runs one command; what it came to is for the caller to say. */
export async function run(args: readonly string[], terminal?: Terminal): Promise<Outcome> {
  let parsed
  try {
    parsed = parseArgs({
      args: [...args],
      options: {
        key: { type: 'string' },
        out: { type: 'string' },
        server: { type: 'string' },
        config: { type: 'string' },
        tier: { type: 'string', default: tiers[0] },
      },
      allowPositionals: true,
    })
  } catch (error) {
    return { code: 2, text: `${toText(error)}\n${usage}` }
  }
  const [area, verb, folder] = parsed.positionals
  if (area !== 'plugin' || !isVerb(verb) || folder === undefined) return { code: 2, text: usage }
  try {
    if (verb === 'build') {
      await buildPlugin(folder)
      return { code: 0, text: `built ${folder}` }
    }
    if (verb === 'explain') {
      const text = await explain(folder)
      if (text !== undefined) return { code: 0, text }
      return { code: 2, text: `There is no rule ${folder}; there are ${rules.map(({ id }) => id).join(', ')}.` }
    }
    if (verb === 'check') {
      const { tier } = parsed.values
      return isTier(tier) ? await check(folder, tier) : { code: 2, text: usage }
    }
    if (verb === 'dev') {
      const { server, config } = parsed.values
      if (server === undefined || terminal === undefined) return { code: 2, text: usage }
      const { env, print, signal } = terminal
      return await dev({ folder, server, env, print, ...(config === undefined ? {} : { configFile: config }) }, signal)
    }
    const packed = await packPlugin(folder, parsed.values.key)
    const file = parsed.values.out ?? `${packed.id}-${packed.version}.tgz`
    await writeFile(file, packed.archive)
    return { code: 0, text: `${describe(packed)}\npacked ${packed.paths.length} files into ${file}` }
  } catch (error) {
    return { code: 1, text: isHostError(error) ? `${error.code}: ${error.message}` : toText(error) }
  }
}
