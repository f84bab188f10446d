/** Rows and columns of keyboards, the alphabet and the digits: who goes along one has typed no secret. */
const walks = [
  '1234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  'abcdefghijklmnopqrstuvwxyz',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  '1q2w3e4r5t6y7u8i9o0p',
  '1a2b3c4d5e6f7g8h9i',
  '147258369',
  '159357',
  '741852963',
]
const both = walks.flatMap((walk) => [walk, walk.split('').toReversed().join('')])
/** A run of this length is no chance. */
const leastRun = 3

/** How long a run begins here. */
const runAt = (text: string, from: number): number => {
  let longest = 1
  for (const walk of both) {
    let length = 0
    const start = walk.indexOf(text.charAt(from))
    if (start < 0) continue
    while (from + length < text.length && text.charAt(from + length) === walk.charAt(start + length)) length += 1
    longest = Math.max(longest, length)
  }
  let same = 1
  while (text.charAt(from + same) === text.charAt(from) && from + same < text.length) same += 1
  return Math.max(longest, same)
}

/** `qwerty123`, `asdfghjkl`, `aaaabbbb`, `1qaz2wsx`: runs along keys, or of one sign, with two signs beside them at most. */
export function isWalk(text: string): boolean {
  let left = 0
  for (let at = 0; at < text.length;) {
    const run = runAt(text, at)
    if (run < leastRun) left += 1
    at += run < leastRun ? 1 : run
  }
  return text.length >= leastRun && left <= 2
}

/** `abcabcabc`, `lovelove`, `1212121`: the same piece again and again. */
export const isRepeated = (text: string): boolean => /^(.{1,6}?)\1+$/.test(text) || /^(.{1,4}?)\1{2,}.{0,3}$/.test(text)

/** All that eleven digits can be is tried within a day, and dates and telephone numbers first. */
export const isShortNumber = (text: string): boolean => /^\d{1,11}$/.test(text)
