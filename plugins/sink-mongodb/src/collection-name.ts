import { type NameTemplate, readNameTemplate } from '@patchbay/sdk/sink'

/** Names begin with no dot and hold no `$`; `system.` is the server's own. */
const clean = (text: string): string => text.replaceAll(/[^A-Za-z0-9_-]/g, '_')

/** Reads the template of the collection; throws BadConfig. */
export const readCollection = (text: string): NameTemplate =>
  readNameTemplate({ path: '/collection', text, fields: ['device', 'type', 'tag'], clean })
