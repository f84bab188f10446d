import type { TypeSpec } from './dataset.ts'
import type { Login } from './device-link.ts'
import { isObject } from './exact-json.ts'
import type { Recording } from './recording.ts'
import { type Rest, RestError } from './rest.ts'

export interface FleetDevice {
  id: string
  recording: Recording
  login: Login
}

/** Devices made for a run, and the way to take them away again. */
export interface Fleet {
  devices: readonly FleetDevice[]
  remove(): Promise<void>
}

/** Requests at once while devices are made and removed. */
const parallel = 8

/** Runs `work` over all items, a few at a time. */
export async function forEachFew<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next++
      const item = items[index]
      if (item !== undefined) await work(item, index)
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker))
}

const path = (...parts: string[]) => `/api/v1/${parts.map(encodeURIComponent).join('/')}`

/** Makes the type when it is not there; answers whether it was made. A type of this name that exists is left as it is. */
async function ensureType(rest: Rest, { id, title, keys }: TypeSpec): Promise<boolean> {
  try {
    await rest.get(path('types', id))
    return false
  } catch (cause) {
    if (!(cause instanceof RestError && cause.status === 404)) throw cause
  }
  await rest.post(path('types'), { id, title, keys })
  return true
}

function toLogin(answer: unknown): Login {
  const credentials = isObject(answer) ? answer['credentials'] : undefined
  const { username, password } = isObject(credentials) ? credentials : {}
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw new RestError(200, 'POST /api/v1/devices answered no credentials')
  }
  return { username, password }
}

async function removeAll(rest: Rest, ids: readonly string[], types: readonly string[]): Promise<void> {
  const gone = async (where: string) => {
    await rest.delete(where).catch((cause: unknown) => {
      if (!(cause instanceof RestError && cause.status === 404)) throw cause
    })
  }
  await forEachFew(ids, (id) => gone(`${path('devices', id)}?data=delete`))
  await forEachFew(types, (id) => gone(path('types', id)))
}

/** Registers `count` devices that play the recordings in turn, with the types they need. `run` keeps names of runs apart. */
export async function createFleet(
  rest: Rest,
  recordings: readonly Recording[],
  { count, run }: { count: number; run: string },
): Promise<Fleet> {
  const used = recordings.slice(0, count)
  const typesMade: string[] = []
  const made: (FleetDevice | undefined)[] = Array.from({ length: count })
  const remove = () =>
    removeAll(
      rest,
      made.flatMap((device) => (device ? [device.id] : [])),
      typesMade,
    )
  try {
    const types = new Map(used.map(({ type }) => [type.id, type]))
    for (const type of types.values()) if (await ensureType(rest, type)) typesMade.push(type.id)
    await forEachFew([...made.keys()], async (index) => {
      const recording = used[index % used.length]
      if (!recording) return
      const id = `sim-${run}-${recording.device}-${index + 1}`
      const name = `${recording.type.title} ${index + 1}`
      const login = toLogin(
        await rest.post(path('devices'), { id, name, type: recording.type.id, tags: ['simulated'] }),
      )
      made[index] = { id, recording, login }
    })
  } catch (cause) {
    // Half a fleet helps nobody; the first error is the one worth telling.
    await remove().catch(() => {})
    throw cause
  }
  return { devices: made.flatMap((device) => device ?? []), remove }
}
