import { oddValues, sinkContract, type SinkContract, type TargetPoint } from '@patchbay/testkit'
import { describe } from 'vitest'
import plugin from '../src/index.ts'
import { influxUrl, openInfluxTarget, openVictoriaTarget, victoriaUrl } from './influxdb-target.ts'

const secret = 'a-password-of-the-suite'

const contract = {
  plugin,
  manifest: new URL('../plugin.json', import.meta.url),
  sink: 'influxdb',
  idempotent: true,
} satisfies Partial<SinkContract>

/** Objects are JSON text there. */
const asText = (point: TargetPoint): TargetPoint =>
  typeof point.value === 'object' ? { ...point, value: JSON.stringify(point.value) } : point

const skipped = (url: string | undefined, name: string): string => (url === undefined ? `, skipped, no ${name}` : '')

describe.skipIf(influxUrl === undefined).for([1, 2] as const)(
  `InfluxDB, the way of version %s${skipped(influxUrl, 'INFLUXDB_URL')}`,
  (version) => {
    sinkContract({
      ...contract,
      target: () =>
        openInfluxTarget(version, version === 1 ? { username: 'ada', password: secret } : { token: secret }),
      badConfigs: [
        { url: 'ftp://influx' },
        { url: 'http://ada:secret@influx:8086' },
        { url: 'http://169.254.169.254' },
        { version: 4 },
        version === 1 ? { database: '' } : { bucket: '' },
        { measurement: '{topic}' },
      ],
      wrong: [
        {
          config: version === 1 ? { database: 'nobodys' } : { bucket: 'nobodys/autogen' },
          says: /404 database not found: "nobodys"/,
        },
        { config: { url: 'http://127.0.0.1:1' }, says: /ECONNREFUSED/ },
      ],
      secrets: [secret],
      front: {
        url: () => influxUrl ?? '',
        tls: 'at once',
        config: ({ host, port, ca }) => ({ url: `${ca ? 'https' : 'http'}://${host}:${port}`, ...(ca ? { ca } : {}) }),
      },
      bad: (good) => ({ ...good, values: { n: 'no number' } }),
      kept: asText,
    })
  },
)

describe.skipIf(victoriaUrl === undefined)(`VictoriaMetrics${skipped(victoriaUrl, 'VICTORIAMETRICS_URL')}`, () => {
  sinkContract({
    ...contract,
    target: openVictoriaTarget,
    badConfigs: [],
    // It keeps both of two equal points, and what a kill takes of its last seconds is gone: see README.md.
    idempotent: false,
    outages: false,
    base: (Math.floor(Date.now() / 60_000) - 60) * 60_000_000,
    values: Object.fromEntries(
      // Its numbers have some 15 digits: of the largest double not all come back.
      Object.entries(oddValues).filter(
        ([key, value]) => key !== 'large' && (typeof value === 'number' || typeof value === 'boolean'),
      ),
    ),
    kept: (point) => ({ ...point, at: Math.floor(point.at / 1000) * 1000, value: Number(point.value) }),
  })
})
