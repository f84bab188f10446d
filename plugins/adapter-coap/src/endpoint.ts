/** The other side, as the adapter knows it: an address and port, or a DTLS session. */
export interface Endpoint {
  /** Names it among all endpoints. */
  readonly key: string
  readonly address: string
  readonly encrypted: boolean
  /** The device whose pre-shared key the DTLS layer has seen proved, and the SHA-256 of that key. */
  readonly proved?: { readonly deviceId: string; readonly digest: string }
  send(bytes: Buffer): void
}
