import type { DeviceType } from '@patchbay/contracts/device-type'

export interface KeyRow {
  key: string
  kind: '' | 'number' | 'boolean' | 'text' | 'json'
  unit: string
  minimum: number | ''
  maximum: number | ''
}
/** Days that points and their roll-ups stay; empty: for ever. */
export const tiers = ['rawDays', 'minuteDays', 'hourDays', 'dayDays'] as const
export type Tier = (typeof tiers)[number]
export interface TypeForm {
  id: string
  title: string
  strict: boolean
  codec: string
  heartbeatSeconds: number
  keys: KeyRow[]
  days: Record<Tier, number | ''>
}

export const toTypeForm = (type?: DeviceType): TypeForm => ({
  id: type?.id ?? '',
  title: type?.title ?? '',
  strict: type?.strict ?? false,
  codec: type?.codec ?? 'json',
  heartbeatSeconds: type?.heartbeatSeconds ?? 300,
  keys: (type?.keys ?? []).map((each) => ({
    key: each.key,
    kind: each.kind ?? '',
    unit: each.unit ?? '',
    minimum: each.minimum ?? '',
    maximum: each.maximum ?? '',
  })),
  days: {
    rawDays: type?.retention?.rawDays ?? '',
    minuteDays: type?.retention?.tiers?.minuteDays ?? '',
    hourDays: type?.retention?.tiers?.hourDays ?? '',
    dayDays: type?.retention?.tiers?.dayDays ?? '',
  },
})

/** The body that is saved. Keys with days of their own, which the form does not show, stay as they were. */
export const fromTypeForm = (form: TypeForm, given?: DeviceType) => {
  const { rawDays, ...others } = form.days
  const kept = Object.fromEntries(Object.entries(others).filter(([, days]) => days !== ''))
  const retention = {
    ...(rawDays === '' ? {} : { rawDays }),
    ...(Object.keys(kept).length > 0 ? { tiers: kept } : {}),
    ...(given?.retention?.keys ? { keys: given.retention.keys } : {}),
  }
  return {
    ...(form.title ? { title: form.title } : {}),
    strict: form.strict,
    codec: form.codec,
    heartbeatSeconds: form.heartbeatSeconds,
    ...(Object.keys(retention).length > 0 ? { retention } : {}),
    keys: form.keys.map(({ key, kind, unit, minimum, maximum }) => ({
      key,
      ...(kind ? { kind } : {}),
      ...(unit ? { unit } : {}),
      ...(minimum === '' ? {} : { minimum }),
      ...(maximum === '' ? {} : { maximum }),
    })),
  }
}
