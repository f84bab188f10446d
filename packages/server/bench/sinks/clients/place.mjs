import { randomBytes } from 'node:crypto'

/** A client out of this folder's own packages, which the product does not have. */
export const load = (name) => import(import.meta.resolve(name))

export const environment = (name) => process.env[name] ?? ''

/** A name that nobody else has. */
export const place = () => `bench_${randomBytes(4).toString('hex')}`
