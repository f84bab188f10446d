import type { Rule } from '../rule.ts'

/** Kinds whose contract the test kit has; a kind more is a line more. */
const suites: Record<string, string> = {
  adapters: 'adapterContract',
  alertChannels: 'alertChannelContract',
  accessProviders: 'accessProviderContract',
  codecs: 'codecContract',
  sinks: 'sinkContract',
  bridges: 'bridgeContract',
}

export const rule: Rule = {
  id: 'contract-suite',
  tier: 'exemplary',
  asks: 'The contract suite of its kind runs in its tests',
  find: ({ manifest: { contributes }, tests }) =>
    Object.entries(suites).flatMap(([kind, suite]) => {
      const list: unknown = Reflect.get(contributes, kind)
      if (!Array.isArray(list) || list.length === 0) return []
      return tests.some(({ code }) => code.includes(`${suite}(`))
        ? []
        : [`It contributes ${kind}, and no test runs ${suite} of @patchbay/testkit.`]
    }),
}
