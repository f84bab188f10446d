import { createTargetGuard } from '@patchbay/sdk/sink'
import pg from 'pg'
import { toAddress } from './address.ts'
import type { Config } from './config.ts'

const connectMs = 5000
/** Less than a try gets, so that it ends before the next begins. */
export const queryMs = 25_000

/** One connection, made when it is needed and again when it was cut. */
export interface Link {
  client(): Promise<pg.Client>
  /** At once, whatever is under way. */
  cut(): void
  close(): Promise<void>
}

/** Looked up by ourselves, so that the connection goes to an address that was checked. */
const lookUp = (host: string): Promise<string> =>
  new Promise((resolve, reject) => {
    createTargetGuard('all').lookup(host, { all: false }, (error, address) => {
      if (error || typeof address !== 'string') reject(error ?? new TypeError(`${host} has no address`))
      else resolve(address)
    })
  })

export function createLink(values: Config): Link {
  const { host, port, database } = toAddress(values)
  let current: Promise<pg.Client> | undefined

  async function connect(forget: () => void): Promise<pg.Client> {
    const client = new pg.Client({
      host: await lookUp(host),
      port,
      database,
      user: values.username,
      password: values.password ?? '',
      application_name: 'patchbay',
      connectionTimeoutMillis: connectMs,
      query_timeout: queryMs,
      statement_timeout: queryMs,
      keepAlive: true,
      ...(values.tls ? { ssl: { servername: host, ...(values.ca ? { ca: values.ca } : {}) } } : {}),
    })
    // A cut between two batches is nobody's error: the next batch connects again.
    client.on('error', forget)
    client.on('end', forget)
    await client.connect()
    return client
  }

  return {
    client() {
      if (current) return current
      // A connection that ends late must not take the next one's place with it: nobody would close that.
      const forget = (): void => {
        if (current === asked) current = undefined
      }
      const asked: Promise<pg.Client> = connect(forget)
      asked.catch(forget)
      current = asked
      return asked
    },
    cut() {
      const cut = current
      current = undefined
      // One that cannot be made has been told of.
      cut?.then((client) => client.connection.stream.destroy()).catch(() => undefined)
    },
    async close() {
      const client = await current?.catch(() => undefined)
      await client?.end()
    },
  }
}
