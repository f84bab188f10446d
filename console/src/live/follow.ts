import type { Alert } from '@patchbay/contracts/alert'
import type { LiveJobs, LiveKind, LiveMessage, LivePlugin } from '@patchbay/contracts/live'
import type { Static } from 'typebox'
import { type MaybeRefOrGetter, onScopeDispose, reactive, ref, shallowReactive, shallowRef, toValue, watch } from 'vue'
import { createSubscription, type Piece } from './socket.ts'
import { addMessages, type FollowedDevice, mergeDevice } from './state.ts'

const useSubscription = (
  kind: LiveKind,
  ids: MaybeRefOrGetter<readonly string[]>,
  take: (piece: Piece) => void,
): void => {
  const subscription = createSubscription(kind, take)
  watch(
    () => toValue(ids),
    (now) => subscription.follow([...now]),
    { immediate: true },
  )
  onScopeDispose(() => subscription.stop())
}

/** What is known live of these devices, by id. */
export const useLiveDevices = (ids: MaybeRefOrGetter<readonly string[]>) => {
  const known = shallowReactive(new Map<string, FollowedDevice>())
  useSubscription('devices', ids, ({ state, whole }) => {
    const wanted = new Set(toValue(ids))
    for (const [id, part] of Object.entries(state.devices ?? {})) {
      if (!wanted.has(id)) continue
      const merged = mergeDevice(known.get(id), part, whole)
      if (merged) known.set(id, merged)
      else known.delete(id)
    }
  })
  return known
}

/** The last messages, newest first. `paused` keeps what is shown; what comes meanwhile is only counted. */
export const useLiveMessages = (ids: MaybeRefOrGetter<readonly string[]>, limit: number) => {
  const items = shallowRef<LiveMessage[]>([])
  const state = reactive({ paused: false, sampled: false, total: 0 })
  useSubscription('messages', ids, (piece) => {
    const part = piece.state.messages
    if (!part) return
    if (piece.first) items.value = []
    state.sampled = part.sampled ?? false
    state.total = Math.max(piece.first ? 0 : state.total, ...part.items.map((message) => message.n))
    if (!state.paused) items.value = addMessages(items.value, part.items, limit)
  })
  return { items, state, clear: () => void (items.value = []) }
}

export type LiveAlert = Omit<Alert, 'timeline' | 'timelineLeftOut'>
/** All active alerts and what changes, by id; `loaded` once there is a picture, `arrived` those that came last, together. */
export const useLiveAlerts = () => {
  const known = shallowReactive(new Map<string, LiveAlert>())
  const loaded = ref(false)
  const arrived = shallowRef<LiveAlert[]>([])
  useSubscription('alerts', ['*'], ({ state, first, whole }) => {
    if (first) known.clear()
    const more: LiveAlert[] = []
    for (const [id, alert] of Object.entries(state.alerts ?? {})) {
      if (alert && !whole && alert.state === 'open' && !known.has(id)) more.push(alert)
      if (alert) known.set(id, alert)
      else known.delete(id)
    }
    if (more.length > 0) arrived.value = more
    loaded.value = true
  })
  return { known, loaded, arrived }
}

export const useLivePlugins = () => {
  const known = shallowReactive(new Map<string, NonNullable<Static<typeof LivePlugin>>>())
  useSubscription('plugins', ['*'], ({ state, first }) => {
    if (first) known.clear()
    for (const [id, plugin] of Object.entries(state.plugins ?? {})) {
      if (plugin) known.set(id, plugin)
      else known.delete(id)
    }
  })
  return known
}

export const useLiveJobs = () => {
  const known = shallowReactive(new Map<string, NonNullable<Static<typeof LiveJobs>>>())
  useSubscription('jobs', ['*'], ({ state, first }) => {
    if (first) known.clear()
    for (const [name, counts] of Object.entries(state.jobs ?? {})) if (counts) known.set(name, counts)
  })
  return known
}
