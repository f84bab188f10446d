import { pathToFileURL } from 'node:url'

const own = new URL('../fixtures/', import.meta.url)
const other = process.env['PATCHBAY_REAL_DATA']

/** Where recordings lie: those that come with the project, or a folder with the same names in it. */
export const dataFolder: URL = other ? pathToFileURL(`${other}/`) : own
