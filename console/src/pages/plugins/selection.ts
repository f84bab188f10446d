import type { DeliverySettings, Selection } from '@patchbay/contracts/delivery'

/** What a sink selects and how it gets it, as a form writes it. */
export interface SelectionForm {
  devices: string
  types: string
  tags: string
  keys: string
  when: string
  batch: string
  wait: string
  from: string
}

const join = (list: readonly string[] | undefined): string => list?.join(', ') ?? ''
const split = (text: string): string[] =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)

export const toSelectionForm = (of: { select?: Selection; delivery?: DeliverySettings } = {}): SelectionForm => ({
  devices: join(of.select?.devices),
  types: join(of.select?.types),
  tags: join(of.select?.tags),
  keys: join(of.select?.keys),
  when: of.select?.when ?? '',
  batch: of.delivery?.batch === undefined ? '' : String(of.delivery.batch),
  wait: of.delivery?.wait ?? '',
  from: of.delivery?.from ?? '',
})

/** Only what was said: what is left empty does not limit, and has the platform's own value. */
export const fromSelectionForm = (form: SelectionForm): { select?: Selection; delivery?: DeliverySettings } => {
  const lists = {
    devices: split(form.devices),
    types: split(form.types),
    tags: split(form.tags),
    keys: split(form.keys),
  }
  const select: Selection = {
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
    ...(form.when.trim() ? { when: form.when.trim() } : {}),
  }
  const delivery: DeliverySettings = {
    ...(form.batch.trim() ? { batch: Number(form.batch) } : {}),
    ...(form.wait.trim() ? { wait: form.wait.trim() } : {}),
    ...(form.from.trim() ? { from: form.from.trim() } : {}),
  }
  return {
    ...(Object.keys(select).length > 0 ? { select } : {}),
    ...(Object.keys(delivery).length > 0 ? { delivery } : {}),
  }
}
