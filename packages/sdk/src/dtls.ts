export {
  createDtlsServer,
  type DtlsServer,
  type DtlsServerOptions,
  type HandshakeFailure,
} from '@patchbay/dtls/dtls-server'
export type { DtlsLimits } from '@patchbay/dtls/limits'
export type { DtlsPeer } from '@patchbay/dtls/peer'
export type { DtlsSession } from '@patchbay/dtls/session'
