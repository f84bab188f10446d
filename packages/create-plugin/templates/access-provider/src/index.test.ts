import { accessProviderContract } from '@patchbay/testkit'
import plugin from './index.ts'

accessProviderContract({
  plugin,
  options: { manifest: new URL('../plugin.json', import.meta.url), config: { device: 'banned-1' } },
  provider: 'my-plugin',
  badConfig: { device: 7 },
  decide: [
    { question: { device: 'banned-1', action: 'publish', topic: 'a' }, answer: 'deny' },
    { question: { device: 'other', action: 'publish', topic: 'a' }, answer: undefined },
  ],
})
