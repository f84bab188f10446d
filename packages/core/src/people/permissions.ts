import { permissions as known } from '@patchbay/contracts/person'
import { DomainError } from '../errors.ts'

/** `*` is all, `area.*` all of an area. */
export const permits = (held: readonly string[], wanted: string): boolean => {
  const dot = wanted.indexOf('.')
  const area = `${wanted.slice(0, dot)}.*`
  return held.some((permission) => permission === '*' || permission === wanted || (dot > 0 && permission === area))
}

/** The single permissions that a list with wildcards comes to. */
export const expand = (held: readonly string[]): string[] => known.filter((permission) => permits(held, permission))

/** A list may only name what exists, so that a misspelt right is seen at once. */
export const assertKnown = (list: readonly string[]): void => {
  const unknown = list.flatMap((permission, index) =>
    permission === '*' || expand([permission]).length > 0
      ? []
      : [{ path: `/permissions/${index}`, code: 'unknown', message: `there is no permission ${permission}` }],
  )
  if (unknown.length > 0)
    throw new DomainError(
      'FIELD_INVALID',
      `Unknown permissions: ${unknown.map(({ message }) => message).join(', ')}.`,
      {
        fields: unknown,
      },
    )
}

/** Nobody gives what he does not have; `*` can only be given by who has `*`, since permissions to come are in it. */
export const assertGrantable = (own: readonly string[], granted: readonly string[]): void => {
  const beyond = own.includes('*')
    ? []
    : granted.filter((permission) => (permission.endsWith('*') ? !own.includes(permission) : !permits(own, permission)))
  if (beyond.length > 0)
    throw new DomainError('GRANT_FORBIDDEN', `You cannot give what you do not have yourself: ${beyond.join(', ')}.`)
}
