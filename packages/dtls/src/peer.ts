/** The other side of a DTLS association. */
export interface DtlsPeer {
  /** Names address and port among all peers. */
  readonly key: string
  readonly address: string
  send(datagram: Buffer): void
}
