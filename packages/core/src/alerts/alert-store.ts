import { DomainError } from '../errors.ts'
import type { ListQuery, RegistryStore } from '../registry/port.ts'
import { createKeyedTurns } from '../keyed-turns.ts'
import { StoreUnavailable } from '../store-unavailable.ts'
import { toBody, toStoredAlert, type AlertDocument, type StoredAlert } from './alert-document.ts'
import { alertLimits } from './limits.ts'

/** Alerts in the registry: every change reads the document, changes it and writes it against its version. */
export interface AlertStore {
  read(id: string): Promise<StoredAlert | undefined>
  list(query: ListQuery): Promise<{ items: StoredAlert[]; nextCursor?: string }>
  /** The newest alert of a device and rule. */
  newestOf(pair: string): Promise<StoredAlert | undefined>
  /** Runs alone for the pair; what it answers false for is not written. Rejects with NOT_FOUND. */
  change(
    id: string,
    work: (document: AlertDocument) => boolean | Promise<boolean>,
    /** The alert's pair, where it is known: it spares a read. */
    pair?: string,
  ): Promise<StoredAlert>
  /** Runs with the newest alert of the pair, alone. */
  alone<T>(pair: string, work: (last: StoredAlert | undefined) => Promise<T>): Promise<T>
  /** Undefined when somebody else wrote it meanwhile. Only from within `alone`. */
  put(alert: StoredAlert): Promise<StoredAlert | undefined>
  /** Deletes alerts that were resolved before the time. */
  forgetResolved(beforeIso: string): Promise<void>
}

export function createAlertStore(registry: RegistryStore, onWritten: (alert: StoredAlert) => void): AlertStore {
  const turns = createKeyedTurns({
    maxWaiting: alertLimits.waitingWrites,
    full: () => new StoreUnavailable('too many changes of one alert are waiting'),
  })

  const read = async (id: string): Promise<StoredAlert | undefined> => {
    const stored = await registry.get('alerts', id)
    return stored && toStoredAlert(stored)
  }

  const list = async (query: ListQuery): Promise<{ items: StoredAlert[]; nextCursor?: string }> => {
    const page = await registry.list('alerts', query)
    const items = page.items.map(toStoredAlert).filter((alert) => alert !== undefined)
    return page.nextCursor === undefined ? { items } : { items, nextCursor: page.nextCursor }
  }

  const newestOf = async (pair: string): Promise<StoredAlert | undefined> =>
    (await list({ where: { pair }, sort: { by: 'id', descending: true }, limit: 1 })).items[0]

  const put = async ({ id, version, document }: StoredAlert): Promise<StoredAlert | undefined> => {
    const body = toBody(document)
    const result = await registry.put('alerts', id, body, version)
    if (!result.ok) return undefined
    const written = { id, version: result.version, document }
    onWritten(written)
    return written
  }

  const found = async (id: string): Promise<StoredAlert> => {
    const alert = await read(id)
    if (!alert) throw new DomainError('NOT_FOUND', `There is no alert "${id}".`)
    return alert
  }

  return {
    read,
    list,
    newestOf,
    put,
    async change(id, work, pair) {
      return turns(pair ?? (await found(id)).document.pair, async () => {
        for (let tries = 0; tries < alertLimits.writeTries; tries++) {
          const alert = await found(id)
          if (!(await work(alert.document))) return alert
          const written = await put(alert)
          if (written) return written
        }
        throw new StoreUnavailable(`the alert ${id} keeps changing`)
      })
    },
    async forgetResolved(to) {
      const query = {
        where: { state: 'resolved' },
        range: { field: 'resolvedAt', to },
        limit: alertLimits.tidyPage,
      }
      while ((await registry.deleteWhere('alerts', query)) === alertLimits.tidyPage);
    },
    alone: (pair, work) => turns(pair, async () => work(await newestOf(pair))),
  }
}
