import { describe, expect, test } from 'vitest'
import { assertGoodPassword } from './password-rule.ts'

const isGood = (password: string, user = 'ada'): boolean => {
  try {
    assertGoodPassword(password, user)
    return true
  } catch {
    return false
  }
}

describe('a password that is tried first is refused', () => {
  test.for([
    ['a word with a year, digits or signs', ['summer2026', '!Dragon!', '123monkey123', 'Liverpool1892', 'Patchbay#1']],
    ['a word in other signs', ['P4$$w0rd', 'm0nk3y123', 'L3tm31n!', '$unsh1ne']],
    ['a word twice', ['lovelove1', 'dragondragon', 'AdminAdmin!']],
    ['a word that was cut to eight', ['liverpoo', 'Christin']],
    [
      'a run along the keys',
      ['qwerty123', 'asdfghjkl', '1qaz2wsx', 'zaq12wsx', 'qwertzuiop', 'abcdefgh1', 'azertyuiop'],
    ],
    ['the same again and again', ['abcabcabc', '12341234', 'xyxyxyxy', 'aaaabbbb', 'ababababa']],
    ['digits', ['19841224', '24121984', '5551234567', '8675309000']],
    ['a Russian word by Latin keys', ['ghbdtnbr', 'gfhjkm123', 'yfnfif2000']],
    ['what people really take', ['trustno1', 'iloveyou', 'letmein123', 'godzilla', 'starwars77', 'changeme!']],
  ] as const)('%s', ([, passwords]) => {
    expect(passwords.filter((password) => isGood(password))).toEqual([])
  })

  test('the name of whoever it is', () => {
    expect(isGood('MarieCurie7', 'mariecurie')).toBe(false)
    expect(isGood('MarieCurie7', 'pierre')).toBe(true)
  })
})

test('what nobody tries is taken: words in a row, what a keyring makes, other scripts', () => {
  for (const password of [
    'correct horse battery',
    'a good phrase',
    'boiler sings at dawn',
    'monkeys-eat-paper',
    'xK9#vq2LmW',
    'tr0ub4dor&3x',
    'Ofenrohr am Dienstag',
    '三只猫在屋顶上唱歌',
    'jhZ6-84mq-aPw2',
    '4829 1735 6604',
  ])
    expect([password, isGood(password)]).toEqual([password, true])
})
