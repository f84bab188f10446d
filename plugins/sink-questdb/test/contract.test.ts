import { sinkContract, type TargetPoint } from '@patchbay/testkit'
import { describe } from 'vitest'
import plugin from '../src/index.ts'
import { toColumn, toTable } from '../src/names.ts'
import { openQuestdbTarget, questdbUrl, values } from './questdb-target.ts'

const secret = 'a-password-of-the-suite'

const kept =
  (toName: (key: string) => string) =>
  ({ key, value, ...point }: TargetPoint): TargetPoint => ({
    ...point,
    key: toName(key),
    value: typeof value === 'object' ? JSON.stringify(value) : value,
  })

const skipped = questdbUrl === undefined ? ', skipped, no QUESTDB_URL' : ''

describe.skipIf(questdbUrl === undefined).for([
  ['a table a key', undefined],
  ['one table', 'readings'],
] as const)(`QuestDB, %s${skipped}`, ([, table]) => {
  sinkContract({
    plugin,
    manifest: new URL('../plugin.json', import.meta.url),
    sink: 'questdb',
    target: () => openQuestdbTarget({ ...(table ? { table } : {}), username: 'ada', password: secret }),
    badConfigs: [
      { url: 'ftp://questdb' },
      { url: 'http://ada:secret@questdb:9000' },
      { url: 'http://169.254.169.254' },
      { table: '{key}' },
    ],
    wrong: [{ config: { url: 'http://127.0.0.1:1' }, says: /ECONNREFUSED/ }],
    secrets: [secret],
    idempotent: true,
    front: {
      url: () => questdbUrl ?? '',
      tls: 'at once',
      config: ({ host, port, ca }) => ({ url: `${ca ? 'https' : 'http'}://${host}:${port}`, ...(ca ? { ca } : {}) }),
    },
    bad: (good) => ({ ...good, values: { n: 'no number' } }),
    values,
    kept: kept(table ? toColumn : toTable),
  })
})
