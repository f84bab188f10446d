/** What a server holds at most. Names carry their units. */
export interface DtlsLimits {
  /** Sessions of all peers, and of one address; the one that was silent longest makes room. */
  sessions: number
  sessionsPerAddress: number
  /** Handshakes under way: a new one is not answered while there are as many. */
  handshakes: number
  handshakesPerAddress: number
  /** A handshake must be over by then. */
  handshakeMs: number
  /** "Implementations SHOULD use an initial timer value of 1 second (…) and double the value at each retransmission" (RFC 6347, 4.2.4.1) */
  retransmitMs: number
  maxRetransmits: number
  /** A session that is silent so long is closed. */
  idleMs: number
}

export const defaultLimits: DtlsLimits = {
  sessions: 10_000,
  sessionsPerAddress: 2_000,
  handshakes: 1_000,
  handshakesPerAddress: 100,
  handshakeMs: 30_000,
  retransmitMs: 1_000,
  maxRetransmits: 4,
  idleMs: 3_600_000,
}

/** The largest handshake message that is put together: a ClientHello with many extensions is below 1 KiB. */
export const maxHandshakeMessageBytes = 4_096
/** Handshake messages ahead of the one that is expected, kept when datagrams come in another order. */
export const maxMessagesAhead = 4
/** Records of the next epoch that may wait until its keys are known. */
export const maxEarlyRecords = 4
/** Records that are read of one datagram. */
export const maxRecordsPerDatagram = 16
/** What a datagram of ours holds: below every usual path MTU. */
export const maxDatagramBytes = 1_200
/** RFC 5246, section 6.2.1: "The length MUST NOT exceed 2^14." */
export const maxPlaintextBytes = 16_384
/** The last flight is sent again so often at most, since its repetition is asked for by a peer. */
export const maxFlightRepeats = 8
/** RFC 4279, section 5.3: identities up to 128 octets. */
export const maxIdentityBytes = 128
/** Keys of one identity that are tried: those that overlap while one is replaced. */
export const maxKeysTried = 10
/** Forged records after which a session ends: far below what a tag of 8 bytes withstands. */
export const maxForgedRecords = 65_536
/** Secret of the cookies; the one before it is still good. */
export const cookieSecretMs = 60_000
