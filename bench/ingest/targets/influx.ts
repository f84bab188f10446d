import { listenerOf } from '../../host/usage.ts'

const requestTimeoutMs = 20_000

/** InfluxDB 1.x: a database of the bench's own, and who serves it. */
export interface Influx {
  url: URL
  database: string
  pid: number
  /** The number that a query of one value answers. */
  number(query: string): Promise<number | undefined>
  drop(): Promise<void>
}

export async function openInflux(address: string, name: string): Promise<Influx> {
  const url = new URL(address)
  const pid = listenerOf(Number(url.port))
  if (pid === undefined) throw new Error(`No process of this machine listens on ${address}: its CPU cannot be read.`)
  const database = `patchbay_bench_${name}_${process.pid}`
  const query = async (q: string): Promise<unknown> => {
    const signal = AbortSignal.timeout(requestTimeoutMs)
    const body = new URLSearchParams({ db: database, q })
    const answer = await fetch(new URL('/query', url), { method: 'POST', body, signal })
    const text = await answer.text()
    if (!answer.ok || text.includes('"error"')) throw new Error(`InfluxDB: ${answer.status} ${text.slice(0, 300)}`)
    return JSON.parse(text)
  }
  await query(`CREATE DATABASE ${database}`)
  return {
    url,
    database,
    pid,
    async number(select) {
      const found = JSON.stringify(await query(select))
      const value = /"values":\[\["?[^,]+,([\d.]+)\]\]/.exec(found)?.[1]
      return value === undefined ? undefined : Number(value)
    },
    async drop() {
      await query(`DROP DATABASE ${database}`)
    },
  }
}
