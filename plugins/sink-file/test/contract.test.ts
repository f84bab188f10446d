import { sinkContract } from '@patchbay/testkit'
import { describe } from 'vitest'
import plugin from '../src/index.ts'
import { openFileTarget } from './file-target.ts'

describe.for([
  ['jsonl', 'host'],
  ['csv', 'host'],
  ['jsonl', 'process'],
] as const)('%s at %s level', ([format, isolation]) => {
  sinkContract({
    plugin,
    manifest: new URL('../plugin.json', import.meta.url),
    sink: 'file',
    target: () => openFileTarget(format),
    options: ({ folder }) => ({ dataFolder: folder }),
    badConfigs: [{ format: 'xml' }, { rotateMb: 0 }, { rotateEvery: 'daily' }],
    idempotent: false,
    ordered: true,
    outages: false,
    isolation,
  })
})
