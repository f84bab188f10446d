import { environment, load, place } from './place.mjs'

export const influxdb = {
  async query(q, db = '') {
    const url = `${environment('INFLUXDB_URL')}/query`
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams({ q, db }) })
    if (!answer.ok) throw new Error(await answer.text())
  },
  async prepare() {
    const database = place()
    await influxdb.query(`CREATE DATABASE ${database}`)
    return { url: environment('INFLUXDB_URL'), version: 2, org: 'any', bucket: `${database}/autogen`, token: 'any' }
  },
  async open({ url, org, bucket, token }) {
    const { InfluxDB, Point } = await load('@influxdata/influxdb-client')
    const api = new InfluxDB({ url, token }).getWriteApi(org, bucket, 'us', { batchSize: 100_000, maxRetries: 0 })
    return {
      async send(records) {
        for (const { device, at, values } of records)
          for (const [key, value] of Object.entries(values))
            api.writePoint(new Point(key).tag('device', device).floatField('value', value).timestamp(at))
        await api.flush()
      },
      close: () => api.close(),
    }
  },
  remove: ({ bucket }) => influxdb.query(`DROP DATABASE ${bucket.split('/')[0]}`),
}

export const questdb = {
  async prepare() {
    return { url: environment('QUESTDB_URL'), table: place() }
  },
  async open({ url, table }) {
    const { Sender } = await load('@questdb/nodejs-client')
    const make = `CREATE TABLE IF NOT EXISTS "${table}" (device SYMBOL, timestamp TIMESTAMP) TIMESTAMP(timestamp) PARTITION BY DAY WAL DEDUP UPSERT KEYS(timestamp, device)`
    await fetch(`${url}/exec?${new URLSearchParams({ query: make })}`)
    const sender = await Sender.fromConfig(`http::addr=${new URL(url).host};auto_flush=off`)
    return {
      async send(records) {
        for (const { device, at, values } of records) {
          sender.table(table).symbol('device', device)
          for (const [key, value] of Object.entries(values)) sender.floatColumn(key, value)
          await sender.at(at, 'us')
        }
        await sender.flush()
      },
      close: () => sender.close(),
    }
  },
  remove: ({ url, table }) => fetch(`${url}/exec?${new URLSearchParams({ query: `DROP TABLE IF EXISTS "${table}"` })}`),
}

export const timescaledb = {
  async prepare() {
    const { host, pathname, username, password } = new URL(environment('TIMESCALEDB_URL'))
    return {
      url: `postgres://${host}${pathname}`,
      username: username || 'postgres',
      password: password || 'any',
      table: place(),
    }
  },
  async open({ table }) {
    const { default: pg } = await load('pg')
    const client = new pg.Client({ connectionString: environment('TIMESCALEDB_URL') })
    await client.connect()
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${table} (time timestamptz NOT NULL, device text NOT NULL, key text NOT NULL, num float8, text text, json jsonb, PRIMARY KEY (device, key, time))`,
    )
    await client.query(`SELECT create_hypertable('${table}', 'time', if_not_exists => true)`).catch(() => undefined)
    return {
      async send(records) {
        const rows = records.flatMap(({ device, at, values }) =>
          Object.entries(values).map(([key, value]) => [new Date(at / 1000), device, key, value]),
        )
        const marks = rows.map((_, n) => `($${n * 4 + 1}, $${n * 4 + 2}, $${n * 4 + 3}, $${n * 4 + 4})`).join(',')
        const text = `INSERT INTO ${table} (time, device, key, num) VALUES ${marks} ON CONFLICT DO NOTHING`
        await client.query({ name: `insert ${rows.length}`, text, values: rows.flat() })
      },
      close: () => client.end(),
    }
  },
  async remove({ table }) {
    const { default: pg } = await load('pg')
    const client = new pg.Client({ connectionString: environment('TIMESCALEDB_URL') })
    await client.connect()
    await client.query(`DROP TABLE IF EXISTS ${table}`)
    await client.end()
  },
}

export const mongodb = {
  async prepare() {
    return { url: `${environment('MONGODB_URL').replace(/\/$/, '')}/${place()}` }
  },
  async open({ url }) {
    const { MongoClient } = await load('mongodb')
    const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true } })
    const readings = client.db().collection('readings')
    await readings.createIndex({ device: 1, at: 1 })
    return {
      send: (records) =>
        readings.insertMany(
          records.map(({ device, at, values }) => ({
            _id: `${device}/${at}`,
            device,
            at: new Date(at / 1000),
            values,
          })),
          { ordered: false },
        ),
      close: () => client.close(),
    }
  },
  async remove({ url }) {
    const { MongoClient } = await load('mongodb')
    const client = new MongoClient(url)
    await client.db().dropDatabase()
    await client.close()
  },
}
