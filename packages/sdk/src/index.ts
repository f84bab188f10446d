/** Everything a plugin imports. This is one of the two barrels of the repository: it is the package's public face. */
export * from './context.ts'
export * from './define-plugin.ts'
export * from './failures.ts'
export * from './fields.ts'
export * from './peer.ts'
export type * from '@patchbay/contracts/session'
export type { Decision } from '@patchbay/contracts/access'
export type { Qos } from '@patchbay/contracts/message'
