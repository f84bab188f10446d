import type { Rule } from '../rule.ts'

const started = /\b(startPlugin|\w+Contract)\s*\(/

export const rule: Rule = {
  id: 'tests-there',
  tier: 'recommended',
  asks: 'A test starts the plugin and stops it again, which finds what is left behind',
  find({ tests }) {
    if (tests.length === 0) return ['There is no test: none of src/**/*.test.ts, none in test/.']
    if (!tests.some(({ code }) => started.test(code)))
      return ['No test starts the plugin, by startPlugin or a contract.']
    const stops = tests.some(({ code }) => /\w+Contract\s*\(/.test(code) || /\.stop\s*\(/.test(code))
    return stops ? [] : ['No test stops the plugin, so nothing would find what it leaves behind.']
  },
}
