/** The other side of a DTLS association. */
export interface DtlsPeer {
  /** Names address and port among all peers. */
  readonly key: string
  readonly address: string
  /** Sends one datagram back, or loses it as a network does. */
  send(datagram: Buffer): void
}
