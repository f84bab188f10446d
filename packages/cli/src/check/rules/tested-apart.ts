import type { Rule } from '../rule.ts'

export const rule: Rule = {
  id: 'tested-apart',
  tier: 'exemplary',
  asks: 'A test runs it in a worker or a process, as a server does',
  find: ({ tests, manifest }) =>
    manifest.isolation.least === 'host' ||
    tests.some(({ code }) => /isolation['"]?\s*:\s*['"](worker|process)/.test(code))
      ? []
      : ["No test has isolation: 'worker', which is how a server runs it."],
}
