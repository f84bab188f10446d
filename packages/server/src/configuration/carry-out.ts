import { DeviceLogin } from '@patchbay/contracts/device'
import type { ConfigurationOutcome, ConfiguredItem } from '@patchbay/contracts/configuration'
import { Value } from 'typebox/value'
import { type Ask, askFor, AskRefused } from './current.ts'
import { isFields } from './plain-value.ts'
import type { Step } from './plan.ts'

/** The secret of a device that was made, which is told this once. */
const toCredentials = (body: unknown): Pick<ConfiguredItem, 'credentials'> => {
  const credentials = isFields(body) ? body['credentials'] : undefined
  return Value.Check(DeviceLogin, credentials) ? { credentials } : {}
}

async function carryOutStep(ask: Ask, { item, write }: Step): Promise<ConfiguredItem> {
  if (!write || item.problem) return item
  try {
    return { ...item, ...toCredentials(await askFor(ask, write)) }
  } catch (error) {
    if (error instanceof AskRefused) return { ...item, problem: error.refusal }
    throw error
  }
}

const done = { create: 'created', change: 'changed', delete: 'deleted', none: 'same' } as const

export function toOutcome(dryRun: boolean, all: readonly ConfiguredItem[]): ConfigurationOutcome {
  const counts = { created: 0, changed: 0, deleted: 0, same: 0, refused: 0 }
  for (const { problem, action } of all) counts[problem ? 'refused' : done[action]] += 1
  const items = all.filter(({ action, problem }) => action !== 'none' || problem !== undefined)
  return { dryRun, ok: counts.refused === 0, counts, items }
}

/** One after the other; one that is refused does not hold up the rest. */
export async function carryOut(ask: Ask, steps: readonly Step[], signal?: AbortSignal): Promise<ConfigurationOutcome> {
  const items: ConfiguredItem[] = []
  for (const step of steps) if (!signal?.aborted) items.push(await carryOutStep(ask, step))
  return toOutcome(false, items)
}
