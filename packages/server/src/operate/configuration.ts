import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ConfigurationOutcome, type ConfiguredItem } from '@patchbay/contracts/configuration'
import { Value } from 'typebox/value'
import { ConfigurationFault, readSources } from '../configuration/files.ts'
import { fillKnown, isFilled } from '../configuration/placeholders.ts'
import { type Fields, isFields } from '../configuration/plain-value.ts'
import { toWhere } from '../configuration/plan.ts'
import { toDemand, toSentence } from '../configuration/wanted.ts'
import { type Command, type CommandOutcome, CommandRefused, type Terminal } from './command.ts'
import { openRemote } from './remote.ts'

const readArgs = (args: readonly string[]): { place: string | undefined; server: string | undefined } | undefined => {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { server: { type: 'string' } },
      allowPositionals: true,
    })
    return positionals.length > 1 ? undefined : { place: positionals[0], server: values.server }
  } catch {
    // An option that there is not: the usage says which there are.
    return undefined
  }
}

/** Where a thing stands in the files, and what is written there. */
interface Place {
  where: string
  written: Fields
}
type Places = ReadonlyMap<string, Place>

/** The files as one document, and where each thing of it stands in them. */
async function readAsOne(path: string, env: Terminal['env']): Promise<{ document: Fields; places: Places }> {
  const { demand, faults } = toDemand(await readSources(path))
  if (faults.length > 0) throw new ConfigurationFault(faults.map(toSentence).join('\n'))
  const document: Fields = demand.prune ? { prune: true } : {}
  const places = new Map<string, Place>()
  const listAt = (section: readonly string[]): unknown[] => {
    let holder = document
    for (const name of section.slice(0, -1)) {
      const inner = holder[name]
      holder = isFields(inner) ? inner : (holder[name] = {})
    }
    const last = section.at(-1) ?? ''
    const list = holder[last]
    if (Array.isArray(list)) return list
    const made: unknown[] = []
    holder[last] = made
    return made
  }
  for (const kind of demand.listed) listAt(kind.section)
  for (const wanted of demand.items) {
    const list = listAt(wanted.kind.section)
    places.set(`/${wanted.kind.section.join('/')}/${list.length}`, { where: toWhere(wanted), written: wanted.value })
    list.push(fillKnown(wanted.value, env))
  }
  return { document, places }
}

const signs = { create: '+', change: '~', delete: '-', none: ' ' } as const

const toLines = (item: ConfiguredItem, places: Places): string[] => {
  const { kind, id, action, changes = [], problem, credentials } = item
  const place = item.where === undefined ? undefined : places.get(item.where)
  const where = item.where === undefined ? '' : ` (${place?.where ?? item.where})`
  if (problem) {
    const paths = (problem.errors ?? []).map(({ path, message }) => `    ${path} ${message}`)
    return [`! ${kind} ${id}${where}: ${problem.code}: ${problem.detail}`, ...paths]
  }
  const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value))
  const fields = action === 'change' ? changes : []
  return [
    `${signs[action]} ${kind} ${id}${where}`,
    ...fields.map(({ path, from, to, secret }) =>
      secret || isFilled(place?.written, path) ? `    ${path}: a secret` : `    ${path}: ${shown(from)} → ${shown(to)}`,
    ),
    ...(credentials ? [`    password, shown this once: ${credentials.password}`] : []),
  ]
}

function toReport(outcome: ConfigurationOutcome, places: Places): CommandOutcome {
  const { created, changed, deleted, same, refused } = outcome.counts
  const [will, be] = outcome.dryRun ? ['would be ', ''] : ['', '']
  const summary = `${created} ${will}created, ${changed} changed, ${deleted} deleted, ${same} ${be}as they are, ${refused} refused`
  return {
    code: outcome.ok ? 0 : 1,
    text: [...outcome.items.flatMap((item) => toLines(item, places)), summary].join('\n'),
  }
}

const send = (dryRun: boolean): Command['run'] => {
  return async (args, terminal) => {
    const given = readArgs(args)
    if (given?.place === undefined) return undefined
    const { document, places } = await readAsOne(given.place, terminal.env)
    const remote = await openRemote(terminal, given.server)
    const answer = (await remote('POST', `/api/v1/apply${dryRun ? '?dryRun=true' : ''}`, document)).json()
    if (!Value.Check(ConfigurationOutcome, answer))
      throw new CommandRefused('What answers there is no Patchbay of this version.')
    return toReport(answer, places)
  }
}

export const planCommand: Command = {
  usage: 'npm run plan -- <file or folder> [--server URL]      what applying it would change; changes nothing',
  run: send(true),
}

export const applyCommand: Command = {
  usage:
    'npm run apply -- <file or folder> [--server URL]     makes the configuration of a running Patchbay as it says',
  run: send(false),
}

export const exportCommand: Command = {
  usage:
    'npm run export -- <new file> [--server URL]          writes the configuration of a running Patchbay, without secrets',
  async run(args, terminal) {
    const given = readArgs(args)
    if (given?.place === undefined) return undefined
    const remote = await openRemote(terminal, given.server)
    const { text } = await remote('GET', '/api/v1/export')
    await writeFile(given.place, text, { flag: 'wx' })
    return { code: 0, text: `Wrote ${given.place}. Secrets are \${NAME} in it: give them as environment variables.` }
  },
}
