/** A port that cannot be taken is tried again after this. */
export const listenRetryMs = 30_000

const reasons: Record<string, string> = {
  EADDRINUSE: 'the port is taken by another program',
  EACCES: 'this user may not listen on this port',
  EADDRNOTAVAIL: 'the address is not one of this machine',
}

/** Why a port does not listen, for a person. */
export function toListenFailure(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return (code === undefined ? undefined : reasons[code]) ?? error.message
}
