/** The field that a measurement has when it has only one; it is not part of the key. */
export const plainField = 'value'

/** What a telemetry key is to a client of InfluxDB. `tags` are those beside the device's, sorted by name. */
export interface SeriesName {
  measurement: string
  tags: readonly (readonly [name: string, value: string])[]
  field: string
}

/** A comma would part the key in a list of keys, the others part tags. */
const special = /[%,;={}]/g
const escape = (text: string): string =>
  text.replaceAll(special, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
const unescape = (text: string): string =>
  text.replaceAll(/%(25|2C|3B|3D|7B|7D)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/**
 * The key of a field. `isAlone`: it is the only field of its line. Other tags than the device's stand behind the measurement, such as
 * `disk{fstype=ext4;path=/}.used`; the field is always part of such a key.
 */
export function toKey({ measurement, tags, field }: SeriesName, isAlone: boolean): string {
  if (tags.length > 0) {
    const list = tags.map(([name, value]) => `${escape(name)}=${escape(value)}`).join(';')
    return `${escape(measurement)}{${list}}.${field}`
  }
  return isAlone && field === plainField ? measurement : `${measurement}.${field}`
}

const tagged = /^([^,;={}]+)\{([^,;={}]+=[^,;={}]*(?:;[^,;={}]+=[^,;={}]*)*)\}$/su

/** What a key says of itself: the last dot parts the field, braces hold the tags. */
export function ofKey(key: string): SeriesName {
  const dot = key.lastIndexOf('.')
  const isParted = dot > 0 && dot < key.length - 1
  const head = isParted ? key.slice(0, dot) : key
  const field = isParted ? key.slice(dot + 1) : plainField
  const [, measurement, list] = isParted ? (tagged.exec(head) ?? []) : []
  if (measurement === undefined || list === undefined) return { measurement: head, tags: [], field }
  const tags = list.split(';').map((each): [string, string] => {
    const middle = each.indexOf('=')
    return [unescape(each.slice(0, middle)), unescape(each.slice(middle + 1))]
  })
  return { measurement: unescape(measurement), tags, field }
}

export const isSame = (a: SeriesName, b: SeriesName): boolean =>
  a.measurement === b.measurement &&
  a.field === b.field &&
  a.tags.length === b.tags.length &&
  a.tags.every(([name, value], index) => name === b.tags[index]?.[0] && value === b.tags[index]?.[1])
