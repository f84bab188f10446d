import { isRecord } from '@patchbay/plugin-host/config/plain'

export interface FoundField {
  /** As a person would name it: `servers.password`. */
  path: string
  schema: Record<string, unknown>
}

/** Every field of a configuration that a person fills in, those of groups and rows too. */
export function fieldsOf(schema: unknown, path = ''): FoundField[] {
  if (!isRecord(schema) || !isRecord(schema['properties'])) return []
  return Object.entries(schema['properties']).flatMap(([name, of]) => {
    if (!isRecord(of)) return []
    const here = path === '' ? name : `${path}.${name}`
    return [{ path: here, schema: of }, ...fieldsOf(of, here), ...fieldsOf(of['items'], here)]
  })
}
