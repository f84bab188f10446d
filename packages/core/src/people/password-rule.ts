import { DomainError } from '../errors.ts'
import { weakPasswords } from './weak-passwords.ts'

export const minPasswordLength = 8

const weak = new Set(weakPasswords.split(/\s+/).filter((word) => word.length > 0))

/** `P4ssword1!` is tried right after `password`, so it counts as it. */
const bare = (password: string): string =>
  password
    .toLowerCase()
    .replace(/[^a-z0-9]+$/, '')
    .replaceAll('@', 'a')
    .replaceAll('$', 's')

const isWeak = (password: string, user: string): boolean => {
  const lower = password.toLowerCase()
  const plain = bare(password)
  const name = user.toLowerCase()
  return (
    weak.has(lower) ||
    weak.has(plain) ||
    weak.has(plain.replace(/\d{1,4}$/, '')) ||
    new Set(lower).size < 3 ||
    (name.length >= 4 && plain.replace(/\d{1,4}$/, '') === name)
  )
}

/** Length and a list, no rules of composition (ASVS 6.2). */
export const assertGoodPassword = (password: string, user: string): void => {
  const short = Array.from(password).length < minPasswordLength
  if (!short && !isWeak(password, user)) return
  const message = short
    ? `has fewer than ${minPasswordLength} characters`
    : 'is one of the passwords that are tried first; take a longer one'
  throw new DomainError('FIELD_INVALID', `The password ${message}.`, {
    fields: [{ path: '/password', code: short ? 'minLength' : 'weak', message }],
  })
}
