import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { isFilter, isTopic, matches } from '../access/filter.ts'
import { createSubscriptionTree } from './subscription-tree.ts'

const level = fc.constantFrom('a', 'b', '', '$SYS', '+', '#')
const names = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'))

test('finds exactly the filters that match, and is empty when all are gone', () => {
  fc.assert(
    fc.property(fc.uniqueArray(names.filter(isFilter), { maxLength: 12 }), names.filter(isTopic), (filters, topic) => {
      const tree = createSubscriptionTree<string>()
      for (const filter of filters) tree.add(filter, filter)
      expect(tree.match(topic).sort()).toEqual(filters.filter((filter) => matches(filter, topic)).sort())
      for (const filter of filters) tree.remove(filter, filter)
      expect([tree.size, tree.match(topic)]).toEqual([0, []])
    }),
    { numRuns: 500 },
  )
})
