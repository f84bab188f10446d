import { DomainError } from '../errors.ts'
import { isRepeated, isShortNumber, isWalk } from './password-shape.ts'
import { weakPasswords } from './weak-passwords.ts'
import { mistypedWords, weakWords } from './weak-words.ts'

export const minPasswordLength = 8

const listOf = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/).filter((word) => word.length > 0))
let lists: { weak: ReadonlySet<string>; words: ReadonlySet<string> } | undefined
/** Made when somebody chooses a password for the first time. */
const readLists = (): NonNullable<typeof lists> => {
  if (lists) return lists
  const words = listOf(`${weakWords} ${mistypedWords}`)
  // Systems of old took eight characters: words that were cut there are in every list.
  const cut = [...words]
    .filter((word) => word.length > minPasswordLength)
    .map((word) => word.slice(0, minPasswordLength))
  return (lists = { weak: listOf(weakPasswords), words: new Set([...words, ...cut]) })
}

/** Signs that are written for letters: `P4ssw0rd` is tried right after `password`. */
const letters: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
}
const toLetters = (text: string): string => text.replaceAll(/[@431!0$57]/g, (sign) => letters[sign] ?? sign)

/** Without what is put before or behind a word to make it look like a password: years, digits, signs. */
const bare = (text: string): string => text.replaceAll(/^[^\p{L}]{0,6}|[^\p{L}]{0,6}$/gu, '')

const isWeak = (password: string, user: string): boolean => {
  const { weak, words } = readLists()
  const lower = password.toLowerCase()
  const signless = lower.replaceAll(/[^a-z0-9]+$/g, '')
  const name = user.toLowerCase()
  // What is left when the looks are gone, in each order of taking them away.
  const forms = new Set([
    lower,
    signless,
    bare(lower),
    toLetters(lower),
    toLetters(bare(lower)),
    bare(toLetters(signless)),
  ])
  for (const form of forms) {
    if (weak.has(form) || words.has(form)) return true
    // Twice the same, and the name of whoever it is.
    if (
      form.length % 2 === 0 &&
      form === form.slice(0, form.length / 2).repeat(2) &&
      words.has(form.slice(0, form.length / 2))
    )
      return true
    if (name.length >= 4 && form === name) return true
  }
  return new Set(lower).size < 4 || isShortNumber(lower) || isRepeated(lower) || isWalk(signless)
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
