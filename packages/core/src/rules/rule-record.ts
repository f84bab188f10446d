import { NewRule, RuleBody, RulePatch, type RuleRecord } from '@patchbay/contracts/rule'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { DomainError } from '../errors.ts'

/** Fills in what was left out. */
export const toRuleRecord = (
  id: string,
  input: RuleBody,
  owner: string,
  createdAt: string,
  now: string,
): RuleRecord => ({
  id,
  name: input.name,
  enabled: input.enabled ?? true,
  scope: {
    devices: input.scope?.devices ?? [],
    types: input.scope?.types ?? [],
    tags: input.scope?.tags ?? [],
  },
  levels: input.levels ?? [],
  change: input.change ?? null,
  offline: input.offline ?? null,
  noData: input.noData ?? null,
  clear: input.clear ?? null,
  schedule: input.schedule ?? null,
  channels: input.channels ?? [],
  escalate: input.escalate ?? [],
  owner,
  createdAt,
  changedAt: now,
})

export const toBody = ({
  name,
  enabled,
  scope,
  levels,
  change,
  offline,
  noData,
  clear,
  schedule,
  channels,
  escalate,
}: RuleRecord): RuleBody => ({
  name,
  enabled,
  scope,
  levels,
  change,
  offline,
  noData,
  clear,
  schedule,
  channels,
  escalate,
})

const maxFaults = 50

function assertForm(schema: TSchema, input: unknown): void {
  const fields = [...Value.Errors(schema, input)].slice(0, maxFaults).map((error) => ({
    path: error.instancePath,
    code: error.keyword,
    message: error.message,
  }))
  if (fields.length > 0) throw new DomainError('FIELD_INVALID', 'The rule is not well formed.', { fields })
}

export const assertNewRule = (input: NewRule): void => assertForm(NewRule, input)
export const assertRuleBody = (input: RuleBody): void => assertForm(RuleBody, input)
export const assertRulePatch = (input: RulePatch): void => assertForm(RulePatch, input)

// Without i, l, o and u, which people misread.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const idLength = 10

export const newRuleId = (randomBytes: (size: number) => Uint8Array): string =>
  `r-${Array.from(randomBytes(idLength), (byte) => alphabet[byte % alphabet.length]).join('')}`
