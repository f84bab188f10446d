import { BadConfig } from '@patchbay/sdk'
import { toPath } from '@patchbay/sdk/http-client'
import { assertOpenTarget } from '@patchbay/sdk/outbound-http'
import type { Config } from './config.ts'
import { readMeasurement } from './lines.ts'

/** How one version of InfluxDB is written to. */
export interface Way {
  /** Path and query of a write. */
  readonly write: string
  readonly headers: Readonly<Record<string, string>>
}

const need = (values: Config, name: 'database' | 'org' | 'bucket'): string => {
  const value = values[name]
  if (value === undefined || value === '') throw new BadConfig(`/${name}`, `Version ${values.version} needs ${name}.`)
  return value
}

/** Throws BadConfig for what a version needs and is not there. */
export function toWay(values: Config): Way {
  const { version, policy, username, password, token } = values
  if (version === 1) {
    const query = {
      db: need(values, 'database'),
      precision: 'u',
      ...(policy ? { rp: policy } : {}),
    }
    const basic = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')
    return { write: toPath('/write', query), headers: username ? { authorization: `Basic ${basic}` } : {} }
  }
  if (version === 2) {
    const query = { org: need(values, 'org'), bucket: need(values, 'bucket'), precision: 'us' }
    return { write: toPath('/api/v2/write', query), headers: token ? { authorization: `Token ${token}` } : {} }
  }
  const query = { db: need(values, 'database'), precision: 'microsecond' }
  return { write: toPath('/api/v3/write_lp', query), headers: token ? { authorization: `Bearer ${token}` } : {} }
}

/** Throws BadConfig for what is wrong by itself. */
export function checkConfig(values: Config): void {
  toWay(values)
  assertOpenTarget('/url', values.url, 'all')
  readMeasurement(values.measurement)
}
