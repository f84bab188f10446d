import { randomUUID } from 'node:crypto'
import { readDocument } from './document.ts'
import { maxObjects } from './limits.ts'
import { mergePatch } from './merge-patch.ts'
import { findReference } from './references.ts'
import { faultOfAllRings, ringPointsIn } from './ring-cap.ts'
import { isResourceName, type ResourceName, resourceNames } from './schemas.ts'
import { mapSecrets } from './secret-fields.ts'
import type { Sources } from './sources.ts'
import { adviceOfKind, streamPlugins } from './unsupported.ts'
import { type StoredObject, type StoredObjects, toDocument } from './stored-objects.ts'

export interface AdminAnswer {
  status: number
  body: unknown
}
export interface AdminRequest {
  method: string
  /** The path's segments after /apisix/admin. */
  segments: readonly string[]
  query: Readonly<Record<string, string | undefined>>
  /** Parsed JSON; undefined where there was none. */
  body: unknown
  /** The `modifiedIndex` that the writer has seen (If-Match): a write over another's is refused. */
  seen?: number | undefined
}

const fault = (status: number, text: string): AdminAnswer => ({ status, body: { error_msg: text } })
const notFound: AdminAnswer = { status: 404, body: { message: 'Key not found' } }
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const idPattern = /^[a-zA-Z0-9_.-]{1,64}$/
const pageSizes = { least: 10, most: 500 }

export interface AdminOptions {
  stored: StoredObjects
  sources: Sources
  nowSeconds(): number
}

/** The Admin API: codes and bodies as its users know them. One write at a time. */
export function createAdmin({ stored, sources, nowSeconds }: AdminOptions) {
  let writing: Promise<unknown> = Promise.resolve()

  const toShown = (resource: ResourceName, id: string, object: StoredObject) => ({
    key: `/apisix/${resource}/${id}`,
    ...(sources.isOwnedByFile(resource, id) ? { owner: 'apisix.yaml' } : {}),
    value: mapSecrets(resource, object.value, () => undefined),
    createdIndex: object.createdIndex,
    modifiedIndex: object.modifiedIndex,
  })

  /** The file's objects are seen here too, and cannot be changed. */
  const find = (resource: ResourceName, id: string): StoredObject | undefined => {
    const fromFile = sources.fromFile[resource].get(id)
    return fromFile ? { value: { ...fromFile }, createdIndex: 0, modifiedIndex: 0 } : stored.of[resource].get(id)
  }

  function list(resource: ResourceName, query: AdminRequest['query']): AdminAnswer {
    const ids = new Set([...sources.fromFile[resource].keys(), ...stored.of[resource].keys()])
    const all = [...ids].flatMap((id) => {
      const object = find(resource, id)
      return object ? [toShown(resource, id, object)] : []
    })
    const { name, label, page, page_size: pageSize } = query
    const found = all.filter(({ value }) => {
      const labels = isRecord(value['labels']) ? value['labels'] : {}
      const isNamed = name === undefined || (typeof value['name'] === 'string' && value['name'].includes(name))
      return isNamed && (label === undefined || Object.hasOwn(labels, label))
    })
    if (page === undefined && pageSize === undefined) return { status: 200, body: { list: found, total: found.length } }
    const size = Math.min(Math.max(Number(pageSize ?? pageSizes.least) || 0, pageSizes.least), pageSizes.most)
    const from = (Math.max(Number(page ?? 1) || 1, 1) - 1) * size
    return { status: 200, body: { list: found.slice(from, from + size), total: found.length } }
  }

  async function write(resource: ResourceName, id: string, given: Record<string, unknown>): Promise<AdminAnswer> {
    if (sources.isOwnedByFile(resource, id))
      return fault(400, `${resource} [${id}] is owned by apisix.yaml and is changed there`)
    if ('create_time' in given || 'update_time' in given)
      return fault(400, 'the property is forbidden: create_time, update_time')
    const read = readDocument(resource, { ...given, id })
    if ('fault' in read) return fault(400, `invalid configuration: ${read.fault}`)
    const rings = faultOfAllRings(ringPointsBeside(resource, id), ringPointsIn(read.document))
    if (rings !== undefined) return fault(400, `invalid configuration: ${rings}`)
    const missing = missingReference(resource, given)
    if (missing !== undefined) return fault(400, missing)
    const before = stored.of[resource].get(id)
    if (!before && stored.of[resource].size >= maxObjects)
      return fault(400, `there are ${maxObjects} ${resource} already`)
    const now = nowSeconds()
    const created: unknown = before?.value['create_time']
    const value = { ...read.document, id, create_time: typeof created === 'number' ? created : now, update_time: now }
    const { object, isNew } = await stored.put(resource, id, value)
    sources.replace(stored.documents)
    const { key, value: shown } = toShown(resource, id, object)
    return { status: isNew ? 201 : 200, body: { key, value: shown } }
  }

  /** Points of every ring but those of one object. */
  function ringPointsBeside(resource: ResourceName, id: string): number {
    let points = 0
    for (const name of resourceNames)
      for (const [beside, document] of sources.all[name])
        if (name !== resource || beside !== id) points += ringPointsIn(document)
    return points
  }

  function missingReference(resource: ResourceName, given: Record<string, unknown>): string | undefined {
    if (resource !== 'stream_routes' && resource !== 'services') return undefined
    const names = [
      ['upstream_id', 'upstreams', 'upstream'],
      ['service_id', 'services', 'service'],
    ] as const
    for (const [field, kind, word] of names) {
      const id = given[field]
      if ((typeof id === 'string' || typeof id === 'number') && !find(kind, String(id)))
        return `failed to fetch ${word} info by ${word} id [${id}], response code: 404`
    }
    return undefined
  }

  async function remove(resource: ResourceName, id: string, query: AdminRequest['query']): Promise<AdminAnswer> {
    if (sources.isOwnedByFile(resource, id))
      return fault(400, `${resource} [${id}] is owned by apisix.yaml and is changed there`)
    if (!stored.of[resource].has(id)) return notFound
    const holder = findReference(stored.documents, resource, id) ?? findReference(sources.fromFile, resource, id)
    if (holder !== undefined && query['force'] !== 'true')
      return fault(
        400,
        `can not delete this ${resource.slice(0, -1).replace('_', ' ')}, ${holder} is still using it now`,
      )
    await stored.remove(resource, id)
    sources.replace(stored.documents)
    return { status: 200, body: { key: `/apisix/${resource}/${id}`, deleted: '1' } }
  }

  async function patch(
    resource: ResourceName,
    id: string,
    path: readonly string[],
    body: unknown,
  ): Promise<AdminAnswer> {
    const before = find(resource, id)
    if (!before) return notFound
    const merged = mergePatch(toDocument(before.value), path, body)
    return isRecord(merged) ? write(resource, id, merged) : fault(400, 'invalid configuration: the path leads nowhere')
  }

  function change(
    resource: ResourceName,
    { method, segments, query, body, seen }: AdminRequest,
  ): AdminAnswer | Promise<AdminAnswer> {
    const [, pathId, ...path] = segments
    if (query['ttl'] !== undefined) return fault(400, 'ttl is not supported: delete the object when its time has come')
    const given = isRecord(body) ? body['id'] : undefined
    const bodyId = typeof given === 'string' || typeof given === 'number' ? String(given) : undefined
    const named = pathId ?? bodyId
    if (method === 'POST' && pathId !== undefined) return fault(400, `wrong ${resource} id, do not need it`)
    const id = method === 'POST' ? (named ?? randomUUID().replaceAll('-', '').slice(0, 20)) : named
    if (id === undefined) return fault(400, `missing ${resource} id`)
    if (!idPattern.test(id)) return fault(400, `invalid ${resource} id`)
    if (seen !== undefined && seen !== (find(resource, id)?.modifiedIndex ?? 0))
      return fault(412, `${resource} [${id}] was changed by somebody else meanwhile: read it again`)
    if (method === 'DELETE') return remove(resource, id, query)
    if (body === undefined) return fault(400, 'missing configurations')
    if (method === 'PATCH') return patch(resource, id, path, body)
    if (!isRecord(body)) return fault(400, 'invalid request body')
    if (pathId !== undefined && bodyId !== undefined && bodyId !== pathId)
      return fault(400, `wrong ${resource} id: the path says ${pathId}, the body ${bodyId}`)
    return write(resource, id, body)
  }

  function other({ method, segments, query, body }: AdminRequest): AdminAnswer {
    const [first, second, third] = segments
    if (method === 'GET' && first === 'plugins' && second === 'list') return { status: 200, body: streamPlugins }
    if (method === 'PUT' && first === 'plugins' && second === 'reload') return { status: 200, body: 'done' }
    if (
      method === 'POST' &&
      first === 'schema' &&
      second === 'validate' &&
      third !== undefined &&
      isResourceName(third)
    ) {
      const read = readDocument(third, body)
      if ('fault' in read) return fault(400, `invalid configuration: ${read.fault}`)
      // What it would be when it is stored: for whoever has to know whether a write would change anything.
      return { status: 200, body: query['filled'] === 'true' ? read.document : undefined }
    }
    if (first === 'configs')
      return fault(
        404,
        'the API mode (configs) is not there: write the whole as apisix.yaml into the folder of PATCHBAY_GATEWAY, or each object by PUT; POST schema/validate/<resource> checks one',
      )
    const kind = (first === 'schema' ? third : first) ?? ''
    return fault(404, `not found: ${kind} is no resource of this gateway: ${adviceOfKind(kind)}`)
  }

  return {
    async handle(request: AdminRequest): Promise<AdminAnswer> {
      const { method, segments, query } = request
      const [resource = '', id] = segments
      if (!isResourceName(resource)) return other(request)
      if (method === 'GET') {
        if (id === undefined) return list(resource, query)
        const object = find(resource, id)
        return object ? { status: 200, body: toShown(resource, id, object) } : notFound
      }
      if (!['PUT', 'POST', 'PATCH', 'DELETE'].includes(method)) return fault(405, 'not supported')
      const answer = writing.then(() => change(resource, request))
      // The next write waits for this one, whatever became of it.
      writing = answer.catch(() => undefined)
      return answer
    },
  }
}
export type Admin = ReturnType<typeof createAdmin>
