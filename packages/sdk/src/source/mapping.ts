import { BadConfig, Refused } from '../failures.ts'
import { type ConfigOf, field } from '../fields.ts'
import { compileTemplate, type MessageTemplate } from './message-template.ts'
import { compilePointer, PointerInvalid, type ReadPointer, toTokens } from './pointer.ts'
import type { SourceMessage } from './source-message.ts'
import { timeUnits, toMicros } from './time-text.ts'

/** The fields by which a person says what a message means; a source puts them among its own. */
export const mappingFields = {
  device: field.text({
    title: 'Device',
    description:
      'Such as meter-{/serial}: {key}, {topic}, {header.NAME} or {/pointer}; {a|b} is the first that is there.',
    default: '{/device|key}',
    minLength: 1,
    maxLength: 400,
  }),
  time: field.text({
    title: 'Time',
    description: 'Pointers, the first that is there; else the message’s own time. A number, or ISO 8601.',
    default: '/at|/ts',
    maxLength: 400,
  }),
  timeUnit: field.choice(timeUnits, { title: 'Unit of a time that is a number', default: 'ms' }),
  values: field.text({
    title: 'Values',
    description:
      'Pointers, the first that is there; * is the whole document without what device and time were read from.',
    default: '/values|*',
    maxLength: 400,
  }),
  keys: field.table(
    {
      key: field.text({ title: 'Key', maxLength: 128 }),
      from: field.text({ title: 'From', description: 'A pointer into the document.', maxLength: 400 }),
    },
    { title: 'Only these values', description: 'Each from its own place; none = all of the above.', maxItems: 200 },
  ),
  createDevices: field.optional(
    field.group(
      {
        type: field.text({ title: 'Type', maxLength: 64 }),
        tags: field.text({
          title: 'Tags',
          description: 'With commas between them, such as factory, line-{/line}.',
          default: '',
          maxLength: 400,
        }),
      },
      { title: 'Create devices that are not registered' },
    ),
  ),
}
/** A mapping as a person has set it. */
export type MappingConfig = ConfigOf<typeof mappingFields>

/** What one message says of one device at one time. */
export interface SourceReading {
  readonly device: string
  /** Integer microseconds since 1970; undefined = arrival. */
  readonly at: number | undefined
  readonly values: readonly (readonly [key: string, value: unknown])[]
  /** Tags for a device that is made. */
  readonly tags: readonly string[]
}

/** What messages mean. */
export interface Mapping {
  /** Throws Refused with a sentence for whoever made the message. */
  toReadings(message: SourceMessage): SourceReading[]
  readonly createType: string | undefined
}

const devicePattern = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/
const maxDepth = 32
const maxReadings = 2000
const maxShownChars = 100

const refuse = (code: string, text: string, cause?: unknown): Refused =>
  new Refused('invalid', code, 'mapping', text, cause === undefined ? {} : { cause })

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, maxShownChars)

function checkDepth(value: unknown, depth = 0): void {
  if (depth > maxDepth) throw refuse('PAYLOAD_INVALID', `The message is nested deeper than ${maxDepth} levels.`)
  if (typeof value !== 'object' || value === null) return
  for (const each of Object.values(value)) checkDepth(each, depth + 1)
}

function parse(bytes: Uint8Array): unknown {
  let document: unknown
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw refuse('PAYLOAD_MALFORMED', `The message is no JSON: ${why}`, error)
  }
  checkDepth(document)
  return document
}

type Named = { read: ReadPointer; top: string | undefined }

const compileList = (text: string): Named[] =>
  text === '' ? [] : text.split('|').map((pointer) => ({ read: compilePointer(pointer), top: toTokens(pointer)[0] }))

const toEntries = (value: unknown, fallback: string): [string, unknown][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [[fallback, value]]

/** Members at the top that device and time are read from: they are no values. */
const usedOf = (config: MappingConfig): Set<string> =>
  new Set(
    [...config.device.matchAll(/\{([^{}]+)\}/g)]
      .flatMap(([, inner = '']) => inner.split('|'))
      .filter((each) => each.startsWith('/'))
      .concat(config.time === '' ? [] : config.time.split('|'))
      .flatMap((pointer) => toTokens(pointer)[0] ?? []),
  )

function compileValues(config: MappingConfig): (document: unknown) => [string, unknown][] {
  if (config.keys.length > 0) {
    const picks = config.keys.map(({ key, from }) => ({ key, read: compilePointer(from) }))
    return (document) =>
      picks.flatMap(({ key, read }): [string, unknown][] => {
        const value = read(document)
        return value === undefined ? [] : [[key, value]]
      })
  }
  const used = usedOf(config)
  const places = config.values.split('|').map((place) => {
    if (place === '*') return (document: unknown) => toEntries(document, 'value').filter(([key]) => !used.has(key))
    const read = compilePointer(place)
    const last = toTokens(place).at(-1) ?? 'value'
    return (document: unknown) => {
      const found = read(document)
      return found === undefined ? undefined : toEntries(found, last)
    }
  })
  return (document) => {
    for (const place of places) {
      const found = place(document)
      if (found !== undefined) return found
    }
    return []
  }
}

/** A field of the mapping cannot be read: said at the field. */
function at<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof PointerInvalid) throw new BadConfig(path, error.message, { cause: error })
    throw error
  }
}

/** Compiles a mapping once. Throws BadConfig with the field. */
export function compileMapping(config: MappingConfig): Mapping {
  const deviceOf = at('/device', () => compileTemplate(config.device))
  const times = at('/time', () => compileList(config.time))
  const valuesOf = at(config.keys.length > 0 ? '/keys' : '/values', () => compileValues(config))
  const tags: MessageTemplate[] = at('/createDevices/tags', () =>
    (config.createDevices?.tags ?? '')
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '')
      .map(compileTemplate),
  )

  const timeOf = (message: SourceMessage, document: unknown): number | undefined => {
    for (const { read } of times) {
      const found = read(document)
      if (found === undefined || found === null) continue
      const micros = toMicros(found, config.timeUnit)
      if (micros === undefined || micros < 0)
        throw refuse('TIME_INVALID', `${shown(found)} is no time: a number, or ISO 8601 such as 2026-11-25T09:00:00Z.`)
      return micros
    }
    return message.at
  }

  const toReading = (message: SourceMessage, document: unknown): SourceReading => {
    const device = deviceOf(message, document)
    if (device === undefined) throw refuse('DEVICE_UNNAMED', `Nothing names the device: ${config.device} is not there.`)
    if (!devicePattern.test(device))
      throw refuse(
        'DEVICE_UNNAMED',
        `${shown(device)} is no device id: a letter or digit, then up to 127 of letters, digits and . _ : -`,
      )
    const values = valuesOf(document).filter(([, value]) => value !== null)
    if (values.length === 0)
      throw refuse('PAYLOAD_INVALID', 'The message holds no value where the mapping looks for one.')
    return {
      device,
      at: timeOf(message, document),
      values,
      tags: tags.flatMap((tag) => tag(message, document) ?? []),
    }
  }

  return {
    createType: config.createDevices?.type,
    toReadings(message) {
      const document = parse(message.bytes)
      if (!Array.isArray(document)) return [toReading(message, document)]
      const list: readonly unknown[] = document
      if (list.length > maxReadings)
        throw refuse('PAYLOAD_INVALID', `The message holds more than ${maxReadings} readings.`)
      return list.map((each) => toReading(message, each))
    },
  }
}
