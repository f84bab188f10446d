import { type Fields, isFields } from './plain-value.ts'

export interface Write {
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  body?: Fields
}

/** One kind of thing: how REST lists, writes and removes it, and what of REST's answers is configuration. */
export interface Kind {
  readonly name: string
  /** Where its list stands in a document. */
  readonly section: readonly string[]
  readonly list: string
  /** By what a document tells things of this kind apart. */
  idOf(value: Fields): string
  /** As a document would have it: without what is state. Undefined for what is not configuration. */
  shown(answer: Fields): Fields | undefined
  /** What a document says, with what it leaves out; `current` is the thing as `shown`, if it is there. */
  complete(value: Fields, current: Fields | undefined): Fields
  create(value: Fields): Write
  change(value: Fields, current: Fields): Write
  remove(current: Fields): Write
  /** Instances of plugins, whose secrets and defaults only the plugin host knows. */
  readonly plugin?: true
  /** Objects of the gateway, which hide private keys. */
  readonly gateway?: true
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const byId = (value: Fields): string => text(value['id'])
const at = (list: string, id: string): string => `${list}/${encodeURIComponent(id)}`
const pick = (from: Fields, names: readonly string[]): Fields => {
  const to: Fields = {}
  for (const name of names) if (from[name] !== undefined) to[name] = from[name]
  return to
}
const without = (from: Fields, ...names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name)))

/** Kinds that are made by POST to their list and replaced whole by PUT. */
const replaced = (
  name: string,
  list: string,
  fields: readonly string[],
  complete: (value: Fields) => Fields,
): Kind => ({
  name,
  section: [name],
  list,
  idOf: byId,
  shown: (answer) => (answer['builtIn'] === true ? undefined : pick(answer, ['id', ...fields])),
  complete,
  create: (body) => ({ method: 'POST', url: list, body }),
  change: (value, current) => ({ method: 'PUT', url: at(list, byId(current)), body: without(value, 'id') }),
  remove: (current) => ({ method: 'DELETE', url: at(list, byId(current)) }),
})

const withScope = (scope: unknown): Fields => ({ devices: [], types: [], tags: [], ...(isFields(scope) ? scope : {}) })

const roles = replaced('roles', '/api/v1/roles', ['title', 'permissions'], (value) => ({
  title: value['id'],
  ...value,
}))

const types = replaced(
  'types',
  '/api/v1/types',
  ['title', 'keys', 'strict', 'codec', 'heartbeatSeconds', 'retention'],
  (value) => ({ keys: [], strict: false, codec: 'json', heartbeatSeconds: 300, ...value }),
)

const deviceFields = ['name', 'type', 'tags']
const deviceList = '/api/v1/devices'
const devices: Kind = {
  ...replaced('devices', deviceList, deviceFields, (value) => value),
  // A device is patched: what a document leaves out stays as it is.
  complete: (value, current) => ({ name: value['id'], type: 'default', tags: [], ...current, ...value }),
  change: (value, current) => ({
    method: 'PATCH',
    url: at(deviceList, byId(current)),
    body: pick(value, deviceFields),
  }),
}

const accessRules: Kind = {
  ...replaced('accessRules', '/api/v1/access/rules', ['effect', 'actions', 'filter', 'scope', 'order'], (value) => ({
    order: 100,
    ...value,
    scope: withScope(value['scope']),
  })),
}

const ruleDefaults: Fields = {
  enabled: true,
  levels: [],
  change: null,
  offline: null,
  noData: null,
  clear: null,
  schedule: null,
  channels: [],
  escalate: [],
}
const rules: Kind = {
  ...replaced('rules', '/api/v1/rules', ['name', 'scope', ...Object.keys(ruleDefaults)], (value) => value),
  // Who does not say an id means the rule of that name.
  idOf: (value) => text(value['id']) || text(value['name']),
  complete: (value, current) => ({
    ...(current === undefined ? {} : { id: current['id'] }),
    ...ruleDefaults,
    ...value,
    scope: withScope(value['scope']),
  }),
}

const instanceUrl = (value: Fields): string =>
  `/api/v1/plugins/${text(value['plugin'])}/instances/${encodeURIComponent(nameOf(value))}`
const nameOf = (value: Fields): string => text(value['name']) || 'default'
const putInstance = (value: Fields): Write => ({
  method: 'PUT',
  url: instanceUrl(value),
  body: pick(value, ['enabled', 'order', 'config']),
})
const instances: Kind = {
  name: 'instances',
  section: ['instances'],
  list: '/api/v1/plugins',
  idOf: (value) => `${text(value['plugin'])}/${nameOf(value)}`,
  shown: (answer) => pick(answer, ['plugin', 'name', 'enabled', 'order', 'config']),
  complete: (value) => ({ ...value, name: nameOf(value) }),
  create: putInstance,
  change: putInstance,
  remove: (current) => ({ method: 'DELETE', url: instanceUrl(current) }),
  plugin: true,
}

const channelList = '/api/v1/channels'
const channelUrl = (value: Fields): string => at(channelList, nameOf(value))
const putChannel = (body: Fields): Write => ({ method: 'PUT', url: channelUrl(body), body })
const channels: Kind = {
  name: 'channels',
  section: ['channels'],
  list: channelList,
  idOf: nameOf,
  shown: (answer) => pick(answer, ['name', 'plugin', 'enabled', 'config']),
  complete: (value) => value,
  create: putChannel,
  change: putChannel,
  remove: (current) => ({ method: 'DELETE', url: channelUrl(current) }),
  plugin: true,
}

const gatewayKind = (name: string): Kind => {
  const list = `/apisix/admin/${name}`
  const put = (value: Fields): Write => ({ method: 'PUT', url: at(list, byId(value)), body: without(value, 'id') })
  return {
    name: `gateway.${name}`,
    section: ['gateway', name],
    list,
    idOf: byId,
    shown(answer) {
      // What a file of the gateway's own says stays that file's.
      if (answer['owner'] !== undefined || !isFields(answer['value'])) return undefined
      return without(answer['value'], 'create_time', 'update_time')
    },
    complete: (value) => value,
    create: put,
    change: put,
    remove: (current) => ({ method: 'DELETE', url: at(list, byId(current)) }),
    gateway: true,
  }
}

/** In the order in which one needs the other; removed the other way round. */
export const kinds: readonly Kind[] = [
  roles,
  types,
  devices,
  accessRules,
  instances,
  channels,
  rules,
  ...['ssls', 'upstreams', 'services', 'stream_routes'].map(gatewayKind),
]
