import type { FieldError } from '@patchbay/contracts/problem'
import type { Rule, RuleBody } from '@patchbay/contracts/rule'
import type { Channels } from '../parts/channels.ts'
import { RestError } from '../rest/errors.ts'

type Told = Partial<Pick<RuleBody, 'channels' | 'escalate'>>

const namesOf = ({ channels = [], escalate = [] }: Told): { path: string; name: string }[] => [
  ...channels.map((name, at) => ({ path: `/channels/${at}`, name })),
  ...escalate.flatMap((step, of) =>
    step.channels.map((name, at) => ({ path: `/escalate/${of}/channels/${at}`, name })),
  ),
]

/**
 * Whom a rule tells must be there, or an alert at night says it to nobody. What the rule named before may stay, so that one whose channel was
 * deleted can still be changed.
 */
export function assertChannels(input: Told, stored: Rule | undefined, channels: Channels): void {
  const asked = namesOf(input)
  if (asked.length === 0) return
  const known = new Set([...channels.list().map(({ name }) => name), ...namesOf(stored ?? {}).map(({ name }) => name)])
  const fields = asked
    .filter(({ name }) => !known.has(name))
    .map(({ path, name }): FieldError => ({ path, code: 'unknown-channel', message: `there is no channel ${name}` }))
  if (fields.length > 0)
    throw new RestError(
      'REQUEST_INVALID',
      `The rule names channels that are not there: ${fields.map(({ message }) => message).join('; ')}.`,
      { fields },
    )
}
