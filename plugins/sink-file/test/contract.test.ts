import { oddValues, sinkContract, startPlugin, toPoints, toRecords } from '@patchbay/testkit'
import { describe, expect, test } from 'vitest'
import plugin from '../src/index.ts'
import { openFileTarget } from './file-target.ts'

const manifest = new URL('../plugin.json', import.meta.url)
const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'

describe.for([
  ['jsonl', 'host'],
  ['csv', 'host'],
  // Each test starts processes.
  ...(isLong ? ([['jsonl', 'process']] as const) : []),
] as const)('%s at %s level', ([format, isolation]) => {
  sinkContract({
    plugin,
    manifest,
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

test('at process level its files lie in the folder of the instance, with every kind of value', async () => {
  const target = await openFileTarget('jsonl')
  const started = await startPlugin(plugin, {
    manifest,
    config: target.config(),
    dataFolder: target.folder,
    isolation: 'process',
  })
  const records = toRecords({ count: 3, values: () => oddValues })
  const sink = started.sinks.get('file')
  const options = { attempt: 1, signal: new AbortController().signal }
  expect(await sink?.write(records, options)).toEqual({ outcome: 'delivered' })
  expect(await target.rows()).toEqual(toPoints(records))
  expect(await started.stop()).toEqual({ failures: [], left: [] })
  await target.close()
})
