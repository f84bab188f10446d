import { type NameTemplate, readNameTemplate } from '@patchbay/sdk/sink'

/** Longer names are cut by the server, and two could become one. */
const maxNameLength = 63

/** What is put in adds letters, digits and `_` to a name, nothing that could end it. */
const clean = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')

/** Reads the template of the table; throws BadConfig. */
export const readTable = (text: string): NameTemplate =>
  readNameTemplate({ path: '/table', text, fields: ['device', 'type', 'tag'], clean })

/** Quoted for a statement: the field's pattern and `clean` leave no quote in a name. */
export const quoteTable = (table: string): string =>
  table
    .split('.')
    .map((part) => `"${part.slice(0, maxNameLength)}"`)
    .join('.')
