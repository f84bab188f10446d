import { Type, type Static, type TSchema } from 'typebox'

/** What every field may say of itself; the console's form shows it. */
export interface FieldOptions {
  /** The label; left out = the field’s name. */
  title?: string
  /** A sentence below the field. */
  description?: string
  /** Shown only when the sibling `field` has the value `is`. */
  when?: { field: string; is: string | number | boolean }
  /**
   * Where the secrets of the configuration go: changed, they have to be entered again. Addresses and hosts are so by themselves; this is for
   * texts that are one, such as a list of brokers.
   */
  target?: true
  /** Of bundled plugins: the setting of the environment (`PATCHBAY_…`) that beats the stored value when it is given. */
  setting?: string
}

const hints = (widget: string | undefined, options: FieldOptions = {}) => ({
  ...(options.title === undefined ? {} : { title: options.title }),
  ...(options.description === undefined ? {} : { description: options.description }),
  ...(widget === undefined ? {} : { 'x-widget': widget }),
  ...(options.when === undefined ? {} : { 'x-when': options.when }),
  ...(options.target === undefined ? {} : { 'x-target': options.target }),
  ...(options.setting === undefined ? {} : { 'x-setting': options.setting }),
})

type WithDefault<T> = FieldOptions & { default?: T }
const withDefault = <T>(options: WithDefault<T>) => (options.default === undefined ? {} : { default: options.default })

/** Fields of a configuration by name, or one JSON Schema of type `object`. */
type Fields = Record<string, TSchema>

const object = <const F extends Fields>(fields: F, options: FieldOptions = {}) =>
  Type.Object(fields, { additionalProperties: false, ...hints(undefined, options) })

/**
 * The only building blocks of a plugin's configuration: from one declaration come the types of `ctx.config`, the JSON Schema that the
 * host validates with, and the form in the console.
 *
 * @example
 * config: { host: field.host({ title: 'Host' }), port: field.integer({ default: 502, minimum: 1, maximum: 65535 }) }
 */
export const field = {
  /** Text of 1 to 1,024 characters unless said otherwise; it may be empty where a default is given. */
  text: (options: WithDefault<string> & { minLength?: number; maxLength?: number; pattern?: string } = {}) =>
    Type.String({
      minLength: options.minLength ?? (options.default === undefined ? 1 : 0),
      maxLength: options.maxLength ?? 1024,
      ...(options.pattern === undefined ? {} : { pattern: options.pattern }),
      ...withDefault(options),
      ...hints(undefined, options),
    }),
  /** Text of several lines, up to 65,536 characters. */
  multiline: (options: WithDefault<string> & { maxLength?: number } = {}) =>
    Type.String({ maxLength: options.maxLength ?? 65_536, ...withDefault(options), ...hints('multiline', options) }),
  /** A whole number. */
  integer: (options: WithDefault<number> & { minimum?: number; maximum?: number } = {}) =>
    Type.Integer({
      ...(options.minimum === undefined ? {} : { minimum: options.minimum }),
      ...(options.maximum === undefined ? {} : { maximum: options.maximum }),
      ...withDefault(options),
      ...hints(undefined, options),
    }),
  /** Any finite number. */
  number: (options: WithDefault<number> & { minimum?: number; maximum?: number } = {}) =>
    Type.Number({
      ...(options.minimum === undefined ? {} : { minimum: options.minimum }),
      ...(options.maximum === undefined ? {} : { maximum: options.maximum }),
      ...withDefault(options),
      ...hints(undefined, options),
    }),
  /** true or false; false unless `default` says otherwise. */
  toggle: (options: WithDefault<boolean> = {}) =>
    Type.Boolean({ default: options.default ?? false, ...hints(undefined, options) }),
  /** One of these texts. */
  choice: <const V extends readonly [string, ...string[]]>(values: V, options: WithDefault<V[number]> = {}) =>
    Type.Unsafe<V[number]>({ type: 'string', enum: [...values], ...withDefault(options), ...hints('choice', options) }),
  /** A time span such as `500ms`, `30s`, `5m`, `12h` or `7d`. */
  duration: (options: WithDefault<string> = {}) =>
    Type.String({ pattern: '^[0-9]{1,9}(ms|s|m|h|d)$', ...withDefault(options), ...hints('duration', options) }),
  /** A topic or topic filter, up to 512 characters. */
  topic: (options: WithDefault<string> = {}) =>
    Type.String({ minLength: 1, maxLength: 512, ...withDefault(options), ...hints('topic', options) }),
  /** An address, of http or https unless `protocols` says otherwise; up to 2,048 characters. */
  url: (options: WithDefault<string> & { protocols?: readonly string[] } = {}) =>
    Type.String({
      maxLength: 2048,
      pattern: `^(${(options.protocols ?? ['http', 'https']).join('|')})://[^\\s]+$`,
      ...withDefault(options),
      ...hints('url', options),
    }),
  /** A host name or an IP address, without a port. */
  host: (options: WithDefault<string> = {}) =>
    Type.String({ pattern: '^[A-Za-z0-9._:-]{1,253}$', ...withDefault(options), ...hints('host', options) }),
  /** Kept encrypted, never answered by the API, masked in logs. */
  secret: (options: FieldOptions = {}) =>
    Type.String({ minLength: 1, maxLength: 4096, 'x-secret': true, ...hints('secret', options) }),
  /** May be left out. */
  optional: <T extends TSchema>(schema: T) => Type.Optional(schema),
  /** Several of one field, up to 100 unless said otherwise. */
  list: <T extends TSchema>(item: T, options: FieldOptions & { maxItems?: number } = {}) =>
    Type.Array(item, { maxItems: options.maxItems ?? 100, default: [], ...hints('list', options) }),
  /** Fields that belong together; one level deep. */
  group: object,
  /** Rows of a flat group. */
  table: <const F extends Fields>(fields: F, options: FieldOptions & { maxItems: number }) =>
    Type.Array(object(fields), { maxItems: options.maxItems, default: [], ...hints('table', options) }),
}

/** A whole configuration as JSON Schema, for those who have one already: `type: 'object'` with its `properties`. */
export interface ObjectSchema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
}

/** The type of a configuration made of fields, or described by a JSON Schema. */
export type ConfigOf<F extends Fields> = F extends ObjectSchema ? Static<F> : Static<ReturnType<typeof object<F>>>

const isObjectSchema = (fields: object): fields is ObjectSchema =>
  'type' in fields && fields.type === 'object' && 'properties' in fields && typeof fields.properties === 'object'

/** The closed object schema of a plugin's fields; of a JSON Schema, itself and closed. */
export function toConfigSchema(fields: Fields) {
  if (!isObjectSchema(fields)) return object(fields)
  const { type: _, properties, required = [], ...rest } = fields
  const named = Object.entries(properties).map(([name, of]) => [name, required.includes(name) ? of : Type.Optional(of)])
  const whole: Fields = Object.fromEntries(named)
  return Type.Object(whole, { ...rest, additionalProperties: false })
}
export type { Fields }
