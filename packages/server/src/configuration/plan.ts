import type { ConfigurationChange, ConfiguredItem } from '@patchbay/contracts/configuration'
import type { FieldError } from '@patchbay/contracts/problem'
import { DomainError } from '@patchbay/core/errors'
import type { Rules } from '@patchbay/core/rules/rules'
import { isHostError } from '@patchbay/plugin-host/errors'
import type { PluginHost } from '@patchbay/plugin-host/host'
import { RuleBody } from '@patchbay/contracts/rule'
import { Value } from 'typebox/value'
import { type Ask, askFor, AskRefused, type Current, type Refusal } from './current.ts'
import { differenceOf } from './difference.ts'
import { isAlertPlugin } from '../parts/channels.ts'
import { hideKeys, keysOf, leaveOpenKeys } from './gateway-keys.ts'
import { type Kind, kinds, type Write } from './kinds.ts'
import { type Environment, fillPlaceholders, isFilled, isPlaceholder } from './placeholders.ts'
import { type Fields, isFields, lookUp, mapTexts } from './plain-value.ts'
import type { Demand, Wanted } from './wanted.ts'

/** One thing, what becomes of it, and the request that does it; none where nothing is to be done or something is wrong. */
export interface Step {
  item: ConfiguredItem
  kind: Kind
  wanted?: Wanted
  write?: Write
}

export interface PlanParts {
  ask: Ask
  current: Current
  plugins: Pick<PluginHost, 'foresee' | 'plugin'>
  rules: Pick<Rules, 'check'>
  /** Fills `${NAME}`. Without it a secret that is a placeholder stays what is stored. */
  env: Environment | undefined
  /** Things that are there from the start and are not pruned. */
  isBuiltIn(kind: Kind, thing: Fields): boolean
}

export const toWhere = ({ where }: Wanted): string =>
  where.file === undefined ? where.path : `${where.file}: ${where.path}`

const refused = (code: string, path: string, message: string): AskRefused =>
  new AskRefused(422, { code, detail: `${path} ${message}.`, errors: [{ path, code: 'invalid', message }] })

const under = (base: string, errors: readonly FieldError[]): FieldError[] =>
  errors.map((error) => ({
    ...error,
    path: `${base}${error.path === '' || error.path.startsWith('/') ? '' : '/'}${error.path}`,
  }))

/** What went wrong with one thing; anything else is a fault of ours and goes on. */
export function toRefusalOf(error: unknown): Refusal {
  if (error instanceof AskRefused) return error.refusal
  if (error instanceof DomainError) return { code: error.code, detail: error.message, errors: [...error.fields] }
  if (isHostError(error)) return { code: error.code, detail: error.message, errors: under('/config', error.fields) }
  throw error
}

/** Values of the environment in their places. Where the client should have filled them, a stored secret is kept. */
function fill({ kind, value: given }: Wanted, env: Environment | undefined): Fields {
  let open: unknown = given
  if (env === undefined && kind.plugin) open = mapTexts(given, (text) => (isPlaceholder(text) ? { set: true } : text))
  if (env === undefined && kind.gateway) open = leaveOpenKeys(kind, given)
  const { value, missing } = fillPlaceholders(open, env ?? {})
  const [first] = missing
  if (first) {
    const whose =
      env === undefined ? 'which is filled in by whoever sends the document' : 'which the environment does not have'
    throw refused('CONFIGURATION_VARIABLE', first.path, `names ${first.name}, ${whose}`)
  }
  return isFields(value) ? value : {}
}

/** What was filled in is nobody's to read, whatever the field. */
const hideFilled = (wanted: Wanted, changes: readonly ConfigurationChange[]): ConfigurationChange[] =>
  changes.map((change) => (isFilled(wanted.value, change.path) ? { path: change.path, secret: true } : change))

const secretChanges = (paths: readonly string[]): ConfigurationChange[] =>
  paths.map((path) => ({ path: `/config${path}`, secret: true }))

/** As the gateway's PATCH does: objects field by field, all else whole. */
const layOver = (before: Fields, over: Fields): Fields => {
  const to = { ...before }
  for (const [name, value] of Object.entries(over)) {
    const old = to[name]
    to[name] = isFields(old) && isFields(value) ? layOver(old, value) : value
  }
  return to
}

interface Compared {
  value: Fields
  /** Without secrets. */
  before: Fields | undefined
  after: Fields
  secrets: ConfigurationChange[]
}

export function createPlanner({ ask, current, plugins, rules, env, isBuiltIn }: PlanParts) {
  const find = ({ kind, value }: Wanted): Fields | undefined => {
    const id = kind.idOf(value)
    const things = current.get(kind) ?? []
    if (kind.name !== 'rules' || typeof value['id'] === 'string') return things.find((one) => kind.idOf(one) === id)
    const named = things.filter((one) => one['name'] === value['name'])
    if (named.length > 1)
      throw refused(
        'REQUEST_INVALID',
        '/name',
        `is the name of ${named.length} rules; say the id of the one that is meant`,
      )
    return named[0]
  }

  /** A private key was left open, and there is an object that has one: the rest is laid over what is stored. */
  const isOpen = (kind: Kind, value: Fields, before: Fields | undefined): before is Fields =>
    before !== undefined && keysOf(kind, value).some((path) => lookUp(value, path) === undefined)

  /** The gateway's own answer of what it would store. */
  const filledByGateway = async (kind: Kind, value: Fields): Promise<Fields> => {
    const url = `/apisix/admin/schema/validate/${kind.section.at(-1) ?? ''}?filled=true`
    const filled = await askFor(ask, { method: 'POST', url, body: value })
    return isFields(filled) ? filled : {}
  }

  const compare = async (wanted: Wanted, before: Fields | undefined): Promise<Compared> => {
    const { kind } = wanted
    const value = kind.complete(fill(wanted, env), before)
    if (kind.gateway) {
      const whole = isOpen(kind, value, before) ? layOver(before, value) : await filledByGateway(kind, value)
      return { value, before, after: hideKeys(kind, whole), secrets: [] }
    }
    if (!kind.plugin) return { value, before, after: value, secrets: [] }
    const { plugin, name, enabled, order, config } = value
    const isChannel = isAlertPlugin(plugins.plugin(String(plugin)).manifest)
    if (isChannel !== (kind.name === 'channels'))
      throw refused('REQUEST_INVALID', '/plugin', `belongs under ${isChannel ? 'channels' : 'instances'}`)
    const { secrets, ...after } = plugins.foresee(String(plugin), String(name), {
      config,
      ...(typeof enabled === 'boolean' ? { enabled } : {}),
      ...(typeof order === 'number' ? { order } : {}),
    })
    return { value, before, after: { plugin, name, ...after }, secrets: secretChanges(secrets) }
  }

  const checkMore = async ({ kind }: Wanted, value: Fields): Promise<void> => {
    const { id: _, ...body } = value
    if (kind.name === 'rules' && Value.Check(RuleBody, body)) await rules.check(body)
  }

  async function toStep(wanted: Wanted): Promise<Step> {
    const { kind } = wanted
    const about = { kind: kind.name, id: kind.idOf(wanted.value), where: toWhere(wanted) }
    try {
      const found = find(wanted)
      const { value, before, after, secrets } = await compare(wanted, found)
      const fields = differenceOf(before ?? {}, after)
      const told = fields.filter(({ path }) => !secrets.some((secret) => secret.path === path))
      const changes = [...hideFilled(wanted, told), ...secrets]
      if (found && changes.length === 0) return { item: { ...about, action: 'none' }, kind, wanted }
      await checkMore(wanted, value)
      const write = found ? kind.change(value, found) : kind.create(value)
      const item: ConfiguredItem = { ...about, action: found ? 'change' : 'create', changes }
      return {
        item,
        kind,
        wanted,
        write: kind.gateway && isOpen(kind, value, found) ? { ...write, method: 'PATCH' } : write,
      }
    } catch (error) {
      return { item: { ...about, action: 'none', problem: toRefusalOf(error) }, kind, wanted }
    }
  }

  const toRemovals = (demand: Demand): Step[] =>
    [...kinds].reverse().flatMap((kind) => {
      if (!demand.prune || !demand.listed.has(kind)) return []
      const kept = new Set(demand.items.filter((one) => one.kind === kind).map(({ value }) => kind.idOf(value)))
      return (current.get(kind) ?? []).flatMap((thing): Step[] => {
        const id = kind.idOf(thing)
        const named = kind.name === 'rules' && kept.has(String(thing['name']))
        if (kept.has(id) || named || isBuiltIn(kind, thing)) return []
        return [{ item: { kind: kind.name, id, action: 'delete' }, kind, write: kind.remove(thing) }]
      })
    })

  return {
    /** Every thing that is asked for, in the order of doing, then what goes. */
    async plan(demand: Demand): Promise<Step[]> {
      const steps: Step[] = []
      for (const kind of kinds)
        for (const wanted of demand.items) if (wanted.kind === kind) steps.push(await toStep(wanted))
      return [...steps, ...toRemovals(demand)]
    },
  }
}
