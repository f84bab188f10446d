import type { SharedRedis } from '@patchbay/sdk'

/** Where the adapters of a suite keep what outlives a connection: in a file, or, where this is set, in Redis. */
export const backing: { open: ((folder: string) => SharedRedis) | undefined } = { open: undefined }
