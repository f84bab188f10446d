import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { covers, intersects, isFilter, isTopic, matches, toPlainFilter } from './filter.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_007)

/** [filter, topic, matches]; the standard's own examples first. */
const matchTable: [string, string, boolean][] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['#', 'a', true],
  ['#', '/', true],
  ['#', '/a', true],
  ['#', '$SYS', false],
  ['#', '$SYS/a', false],
  ['#', '$CONTROL/x', false],
  ['+', '$SYS', false],
  ['+/x', '$SYS/x', false],
  ['+/#', '$SYS/x', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/a', true],
  ['$SYS/#', '$SYS', true],
  ['$SYS/+', '$SYS/a', true],
  ['$SYS/+/b', '$SYS/$x/b', true],
  ['a/#', 'a/$SYS', true],
  ['a/+', 'a/$SYS', true],
  ['$queue/#', '$queue/a', true],
  ['#', '$queue/a', false],
  ['#', '$stream/a', false],
  ['$share/#', '$share', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['+', 'a', true],
  ['+', 'a/', false],
  ['+/', 'a/', true],
  ['+/', 'a', false],
  ['+/x', 'a/x', true],
  ['+/x', '/x', true],
  ['+/x', 'x', false],
  ['+/x', 'a/b/x', false],
  ['+/+/x', 'a/b/x', true],
  ['a/+/c', 'a//c', true],
  ['a/+/c', 'a/c', false],
  ['a//c', 'a//c', true],
  ['a//c', 'a/c', false],
  ['a/c', 'a//c', false],
  ['a//#', 'a/', true],
  ['a//#', 'a', false],
  ['a//#', 'a//', true],
  ['a/#', 'a/', true],
  ['a/#', 'a//', true],
  ['a/#', 'ab', false],
  ['a/#', 'ab/c', false],
  ['a/#', 'b', false],
  ['a', 'a', true],
  ['a', 'A', false],
  ['a', 'a/', false],
  ['a/', 'a', false],
  ['/a', 'a', false],
  ['a', '/a', false],
  ['/', '/', true],
  ['//', '/', false],
  ['/', '//', false],
  ['/#', '/', true],
  ['/#', '/a/b', true],
  ['/#', 'a', false],
  ['+/+/+', '//', true],
  ['+/#', 'a', true],
  ['+/#', '/', true],
  ['+/+/#', 'a', false],
  ['+/+/#', 'a/b', true],
  ['a/+/#', 'a', false],
  ['a/+/#', 'a/b', true],
  ['devices/d.1/#', 'devices/d.1/x', true],
  ['devices/d.1/#', 'devices/dx1/x', false],
  ['devices/d/#', 'devices/d.1/x', false],
  ['devices/d.1/#', 'devices/d/x', false],
  ['devices/a:b/#', 'devices/a:b', true],
  ['devices/+/x', 'devices/a/x', true],
  ['\u00e9', '\u00e9', true],
  ['\u00e9', 'e\u0301', false],
  ['caf\u00e9/#', 'cafe\u0301/x', false],
  ['\u212a', 'k', false],
  ['a/\ud83d\ude00', 'a/\ud83d\ude00', true],
  ['a b', 'a b', true],
  ['a ', 'a', false],
]

const coverTable: [string, string, boolean][] = [
  ['#', '#', true],
  ['#', '+', true],
  ['#', '+/#', true],
  ['+/#', '#', true],
  ['+', '#', false],
  ['#', '$SYS/#', false],
  ['+/#', '$SYS/#', false],
  ['$SYS/#', '#', false],
  ['$SYS/#', '$SYS/+', true],
  ['a/#', 'a', true],
  ['a/#', 'a/#', true],
  ['a/#', 'a/+/c', true],
  ['a/#', '+/b', false],
  ['a/#', '#', false],
  ['a', 'a/#', false],
  ['a/+', 'a/#', false],
  ['a/+', 'a/+', true],
  ['a/+', 'a/b', true],
  ['a/b', 'a/+', false],
  ['a/+/#', 'a/#', false],
  ['a/+/#', 'a/+', true],
  ['a/+/#', 'a/b/#', true],
  ['devices/x/#', 'devices/+/#', false],
  ['devices/x/#', 'devices/#', false],
  ['devices/x/#', 'devices/x/commands/+', true],
  ['+/x', '+/x', true],
  ['+/x', '$SYS/x', false],
  ['+/x', '+/+', false],
]

const meetTable: [string, string, boolean][] = [
  ['#', 'a', true],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['#', '+', true],
  ['a/#', 'a', true],
  ['a/#', '+', true],
  ['a/#', '+/+', true],
  ['a/#', 'b/#', false],
  ['a/+', '+/b', true],
  ['a/+/c', 'a/b/+', true],
  ['a/+/c', 'a/b/d', false],
  ['a/+', 'a', false],
  ['a/b', 'a/b/#', true],
  ['a', 'a/+', false],
  ['a/+/#', 'a', false],
  ['a/+/#', '+', false],
  ['$SYS/#', '#', false],
  ['$SYS/+', '$SYS/#', true],
]

describe('topic filters', () => {
  it.each(matchTable)('%j and the topic %j: %s', (filter, topic, expected) => {
    expect(matches(filter, topic)).toBe(expected)
    expect(intersects(filter, topic)).toBe(expected)
  })
  it.each(coverTable)('%j covers %j: %s', (wide, narrow, expected) => expect(covers(wide, narrow)).toBe(expected))
  it.each(meetTable)('%j meets %j: %s', (a, b, expected) => {
    expect(intersects(a, b)).toBe(expected)
    expect(intersects(b, a)).toBe(expected)
  })

  it.each([
    ['a/#', 'a/#'],
    ['#', '#'],
    ['+', '+'],
    ['$share/g/#', '#'],
    ['$share/g/$SYS/#', '$SYS/#'],
    ['$share/g//a', '/a'],
    ['$share/g/a/b', 'a/b'],
    ['$sharex/g/a', '$sharex/g/a'],
    ['$queue/a', '$queue/a'],
    ['$share', undefined],
    ['$share/', undefined],
    ['$share/g', undefined],
    ['$share/g/', undefined],
    ['$share//a', undefined],
    ['$share/+/a', undefined],
    ['$share/#/a', undefined],
    ['$share/g#/a', undefined],
    ['$share/g/a#', undefined],
    ['$share/g/$share/h/a', undefined],
    ['$share/g/$share', undefined],
    ['', undefined],
    ['a#', undefined],
    ['#/a', undefined],
    ['a/#/b', undefined],
    ['a/b#', undefined],
    ['##', undefined],
    ['a+', undefined],
    ['+a', undefined],
    ['a/++/b', undefined],
    ['a/\0', undefined],
    ['a/\ud800', undefined],
    ['a/'.repeat(31) + 'a', 'a/'.repeat(31) + 'a'],
    ['a/'.repeat(32) + 'a', undefined],
    ['/'.repeat(1000), undefined],
    ['x'.repeat(512), 'x'.repeat(512)],
    ['x'.repeat(513), undefined],
    ['\u00e9'.repeat(257), undefined],
  ])('reads the filter %j as %j', (asked, expected) => {
    expect(toPlainFilter(asked)).toBe(expected)
    expect(isFilter(asked)).toBe(expected !== undefined)
  })

  it.each([
    ['a', true],
    ['/', true],
    ['//', true],
    ['$SYS/x', true],
    ['$share', true],
    ['', false],
    ['a/+', false],
    ['a/#', false],
    ['a+b', false],
    ['a\0', false],
    ['\udc00', false],
    ['$share/g/a', false],
    ['x'.repeat(513), false],
    ['/'.repeat(31), true],
    ['/'.repeat(32), false],
  ])('the topic %j is well formed: %s', (topic, expected) => expect(isTopic(topic)).toBe(expected))

  it('agrees with trying every topic of a small world', () => {
    const alphabet = ['a', 'b', '', '$s', 'z']
    const world: string[] = []
    let longest = ['']
    for (let depth = 0; depth < 4; depth++) {
      longest = longest.flatMap((head) => alphabet.map((level) => (depth === 0 ? level : `${head}/${level}`)))
      world.push(...longest)
    }
    // The empty topic counts here, though nobody can publish it: `/#` and `+` meet in it, which makes a ban a shade wider.
    const seen = new Map<string, Set<string>>()
    const topicsOf = (filter: string) => {
      let all = seen.get(filter)
      if (!all) seen.set(filter, (all = new Set(world.filter((topic) => toPattern(filter).test(topic)))))
      return all
    }
    const level = fc.constantFrom('a', 'b', '', '$s', '+')
    const filter = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([levels, open]) => (open ? [...levels.slice(0, 2), '#'] : levels).join('/'))
      .filter((text) => text !== '')
    fc.assert(
      fc.property(fc.oneof(filter, fc.constant('#')), filter, (a, b) => {
        const ofA = topicsOf(a)
        const ofB = topicsOf(b)
        expect(covers(a, b)).toBe([...ofB].every((topic) => ofA.has(topic)))
        expect(intersects(a, b)).toBe([...ofB].some((topic) => ofA.has(topic)))
      }),
      { seed, numRuns: 3000 },
    )
    process.stdout.write(`filter property: seed ${seed}, ${seen.size} filters over ${world.length} topics\n`)
  })
})

/** Another way to say what a filter matches: a regular expression. */
function toPattern(filter: string): RegExp {
  const text = filter
    .split('/')
    .map((level) => (level === '+' ? '[^/]*' : level === '#' ? '#' : level.replace('$', '\\$')))
    .join('/')
    .replace(/\/#$/, '(/.*)?')
    .replace(/^#$/, '.*')
  return new RegExp(`^${/^[+#]/.test(filter) ? '(?!\\$)' : ''}${text}$`)
}
