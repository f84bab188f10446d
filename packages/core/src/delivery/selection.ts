import type { Selection } from '@patchbay/contracts/delivery'
import { DomainError } from '../errors.ts'
import { type Condition, ConditionInvalid } from '../rules/condition.ts'
import { DeviceValues } from '../rules/device-values.ts'
import type { PointJson } from '../telemetry/port.ts'

/** A device as selections see it. */
export interface SelectedDevice {
  type: string
  tags: readonly string[]
}

export interface Selected {
  device: string
  values: Record<string, PointJson>
}

/** Chooses records, and of each the keys that are wanted. */
export interface RecordSelection {
  /** It asks for types or tags. */
  readonly needsDevice: boolean
  /** The values that go out; undefined: none. Throws TookTooLong when the expression does. */
  valuesOf(record: Selected, device: SelectedDevice | undefined): Record<string, PointJson> | undefined
}

const invalid = (message: string, cause: unknown): DomainError =>
  new DomainError('FIELD_INVALID', `select.when ${message}`, {
    fields: [{ path: '/select/when', code: 'invalid', message }],
    cause,
  })

async function compileWhen(text: string): Promise<Condition> {
  // Some megabytes of code, which a platform without expressions does not load.
  const { compileExpression } = await import('../rules/expression.ts')
  try {
    const condition = compileExpression(text)
    if (condition.shadow) throw new ConditionInvalid('cannot look at the shadow: a sink sees values only')
    return condition
  } catch (error) {
    if (error instanceof ConditionInvalid) throw invalid(error.message, error)
    throw error
  }
}

/** Reads a selection. Rejects with FIELD_INVALID. */
export async function compileSelection(selection: Selection): Promise<RecordSelection> {
  const devices = new Set(selection.devices)
  const types = new Set(selection.types)
  const tags = new Set(selection.tags)
  const keys = new Set(selection.keys)
  const when = typeof selection.when === 'string' ? await compileWhen(selection.when) : undefined
  const needsDevice = types.size > 0 || tags.size > 0

  const holds = (values: Record<string, PointJson>): boolean => {
    if (!when) return true
    const seen = new DeviceValues()
    for (const [key, value] of Object.entries(values)) seen.set(key, 1, value)
    return when.test(seen)
  }
  const narrow = (values: Record<string, PointJson>): Record<string, PointJson> | undefined => {
    if (keys.size === 0) return values
    const wanted = Object.entries(values).filter(([key]) => keys.has(key))
    return wanted.length === 0 ? undefined : Object.fromEntries(wanted)
  }

  return {
    needsDevice,
    valuesOf({ device, values }, known) {
      if (devices.size > 0 && !devices.has(device)) return undefined
      if (types.size > 0 && !(known && types.has(known.type))) return undefined
      if (tags.size > 0 && !known?.tags.some((tag) => tags.has(tag))) return undefined
      // Narrowed first when that leaves nothing; the expression still sees all.
      const wanted = narrow(values)
      return wanted && holds(values) ? wanted : undefined
    },
  }
}

/** An expression took too long on a record of this device, which was left out. */
export class SelectionTooSlow extends Error {
  override readonly name = 'SelectionTooSlow'
  constructor(instance: string, device: string, options: ErrorOptions) {
    super(`select.when of ${instance} took too long on a record of ${device}, which was left out`, options)
  }
}
