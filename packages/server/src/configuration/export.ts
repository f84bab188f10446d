import type { Current } from './current.ts'
import { keysOf } from './gateway-keys.ts'
import { type Kind, kinds } from './kinds.ts'
import { escapePlaceholders, toPlaceholder } from './placeholders.ts'
import { type Fields, isFields, mapTexts, pointer } from './plain-value.ts'

/** `{"set": true}` is how REST answers a secret. */
const isSecret = (value: unknown): boolean =>
  isFields(value) && Object.keys(value).length === 1 && value['set'] === true

function nameSecrets(value: unknown, name: (path: string) => string, path = ''): unknown {
  if (isSecret(value)) return name(path)
  if (Array.isArray(value)) return value.map((item, index) => nameSecrets(item, name, pointer(path, index)))
  if (!isFields(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, nameSecrets(item, name, pointer(path, key))]),
  )
}

/** Private keys of the gateway, which are not even answered as set. */
function addKeys(kind: Kind, value: Fields, name: (path: string) => string): Fields {
  const copy = structuredClone(value)
  for (const path of keysOf(kind, value)) {
    const parts = path.split('/').slice(1)
    const last = parts.pop() ?? ''
    let holder: unknown = copy
    for (const part of parts)
      holder = Array.isArray(holder) ? holder[Number(part)] : isFields(holder) ? holder[part] : undefined
    if (isFields(holder)) holder[last] = name(path)
  }
  return copy
}

function toExported(kind: Kind, thing: Fields): Fields {
  const name = (path: string): string => toPlaceholder(...kind.section, kind.idOf(thing), path.replace(/^\/config/, ''))
  const escaped = mapTexts(thing, escapePlaceholders)
  const open = nameSecrets(escaped, name)
  if (!isFields(open)) return {}
  return kind.gateway ? addKeys(kind, open, name) : open
}

/** The document that, applied where it came from, changes nothing. */
export function toDocument(current: Current): Fields {
  const document: Fields = {}
  for (const kind of kinds) {
    const things = current.get(kind)
    if (!things) continue
    const list = things.map((thing) => toExported(kind, thing))
    const [section = '', inner] = kind.section
    if (inner === undefined) document[section] = list
    else {
      const holder = document[section]
      document[section] = { ...(isFields(holder) ? holder : {}), [inner]: list }
    }
  }
  return document
}
