import { createHook } from 'node:async_hooks'
import { currentOwner } from '@patchbay/plugin-host/owner'

/** Of these the runner's own work makes more and fewer at any time; timers are told apart by whose code made them. */
const notOurs: ReadonlySet<string> = new Set([
  'Immediate',
  'TickObject',
  'FSReqPromise',
  'FSReqCallback',
  'PipeWrap',
  'MessagePort',
  'TTYWrap',
  'CloseReq',
  'WriteWrap',
  'ShutdownWrap',
  'Timeout',
])
/** A closed socket takes a few turns to be gone. */
const graceMs = 1_000
const lookMs = 5

const count = (): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo())
    if (!notOurs.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}

/** A timer that keeps the process alive. */
const isHolding = (timer: object): boolean =>
  'hasRef' in timer && typeof timer.hasRef === 'function' && timer.hasRef() === true

/**
 * Notes the sockets and servers that are there now, and from now on the timers that a plugin's code makes. The answer says of what
 * there is more later.
 */
export function watchHandles(): () => Promise<string[]> {
  const before = count()
  const timers = new Map<number, object>()
  const hook = createHook({
    init(id, type, _trigger, resource) {
      if (type === 'Timeout' && currentOwner()) timers.set(id, resource)
    },
    destroy: (id) => void timers.delete(id),
  }).enable()

  const more = (): string[] => {
    const holding = [...timers.values()].filter(isHolding).length
    const found = [...count()].flatMap(([kind, now]) => {
      const surplus = now - (before.get(kind) ?? 0)
      return surplus > 0 ? [`${kind} × ${surplus}`] : []
    })
    return holding > 0 ? [...found, `Timeout × ${holding}`] : found
  }
  return async () => {
    const untilMs = performance.now() + graceMs
    let found = more()
    while (found.length > 0 && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, lookMs))
      found = more()
    }
    hook.disable()
    return found
  }
}
