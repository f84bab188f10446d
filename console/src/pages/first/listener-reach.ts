import type { Listener } from '@patchbay/contracts/system'

const isLoopback = (address: string): boolean => /^(127\.|::1$|localhost$|\[::1\]$)/.test(address)

/** Does anything listen for more than this machine? */
export const isOpenToNetwork = (listeners: readonly Pick<Listener, 'address' | 'state'>[]): boolean =>
  listeners.some(({ address, state }) => state === 'listening' && !isLoopback(address))
