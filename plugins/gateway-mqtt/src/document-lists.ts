import { addDocument, type Documents, noDocuments } from './document.ts'
import { maxObjects } from './limits.ts'
import { faultOfAllRings, ringPointsIn } from './ring-cap.ts'
import { type ResourceName, resourceNames } from './schemas.ts'
import { adviceOfKind, findUnknownPlugins } from './unsupported.ts'

export interface ReadLists {
  documents: Documents
  /** Objects that were left out, and why. */
  problems: string[]
  /** Of all rings that were taken. */
  ringPoints: number
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What APISIX itself writes into an object that somebody copied out of it. */
const madeThere = new Set(['create_time', 'update_time', 'validity_start', 'validity_end'])
const withoutTimes = (item: unknown): unknown =>
  isRecord(item) ? Object.fromEntries(Object.entries(item).filter(([name]) => !madeThere.has(name))) : item

function take(resource: ResourceName, item: unknown, index: number, into: ReadLists): void {
  const given: unknown = isRecord(item) ? item['id'] : undefined
  // Without an id an object is known by its place, as in APISIX.
  const id = typeof given === 'string' || typeof given === 'number' ? String(given) : `arr_${index}`
  const fault = addDocument[resource](into.documents, id, withoutTimes(item)) ?? countRings(resource, id, into)
  if (fault !== undefined) into.problems.push(`${resource}/${id}: ${fault}`)
}

/** Takes the object out again where its rings are too much. */
function countRings(resource: ResourceName, id: string, into: ReadLists): string | undefined {
  const taken = into.documents[resource].get(id)
  const points = taken ? ringPointsIn(taken) : 0
  const fault = faultOfAllRings(into.ringPoints, points)
  if (fault === undefined) into.ringPoints += points
  else into.documents[resource].delete(id)
  return fault
}

/** The lists of a file: what is well formed is taken, each of the others is left out and named. */
export function readLists(value: unknown): ReadLists {
  const into: ReadLists = { documents: noDocuments(), problems: [], ringPoints: 0 }
  if (value === null || value === undefined) return into
  if (!isRecord(value)) return { ...into, problems: ['the file holds no lists'] }
  for (const resource of resourceNames) {
    const list = value[resource]
    if (list === undefined || list === null) continue
    if (!Array.isArray(list)) into.problems.push(`${resource} is no list`)
    else if (list.length > maxObjects)
      into.problems.push(`${resource} has ${list.length} objects; ${maxObjects} are taken`)
    else for (const [index, item] of list.entries()) take(resource, item, index, into)
  }
  const known: ReadonlySet<string> = new Set(resourceNames)
  for (const [name, list] of Object.entries(value))
    if (name === 'plugins') into.problems.push(...findUnknownPlugins(list))
    else if (!known.has(name) && !name.endsWith('_conf_version'))
      into.problems.push(`${name} is not a list that the gateway knows: ${adviceOfKind(name)}`)
  return into
}
