import type { DeliverySettings, Selection } from '@patchbay/contracts/delivery'

/** What an instance says beside its configuration. */
export interface InstanceSettings {
  /** Place among access providers. */
  order?: number
  /** Of sinks. */
  select?: Selection
  delivery?: DeliverySettings
}

/** Of these, those that are given. */
export const settingsOf = ({ order, select, delivery }: InstanceSettings): InstanceSettings => ({
  ...(order === undefined ? {} : { order }),
  ...(select === undefined ? {} : { select }),
  ...(delivery === undefined ? {} : { delivery }),
})

/** An instance as it is stored. Secrets in `config` are sealed. */
export interface StoredInstance extends InstanceSettings {
  plugin: string
  name: string
  enabled: boolean
  config: Record<string, unknown>
  configVersion: number
  /** Starts in a row that the process did not survive; above 0 while setup runs. */
  starting: number
  /** 1 when made, one more with every change by a person; the noted starts do not count. It is the ETag of REST. */
  version: number
}

/** Where instances are kept. Calls on one instance come one after the other. */
export interface InstanceStore {
  list(): Promise<readonly StoredInstance[]>
  get(plugin: string, name: string): Promise<StoredInstance | undefined>
  save(instance: StoredInstance): Promise<void>
  delete(plugin: string, name: string): Promise<void>
}
