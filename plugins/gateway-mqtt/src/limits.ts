/** Of the CONNECT, will and password included. */
export const maxConnectBytes = 64 * 1024
/** From accepting a connection to its whole CONNECT, TLS handshake and PROXY header included. */
export const loginMs = 5_000
/** Open connections of the gateway, whatever their state. */
export const defaultMaxConnections = 50_000
/** Reaching a node, unless the upstream says otherwise. */
export const defaultConnectMs = 10_000
/** How long a peer may leave what was sent to it unread, or one direction open after the other has ended. */
export const defaultStalledMs = 60_000
/** Sweeps, health checks and the reading of files are in step with this. */
export const tickMs = 1_000
/** Objects of one kind. */
export const maxObjects = 500
/** A TLS ClientHello that is longer than this is nobody's. */
export const maxHelloBytes = 16 * 1024
/** Connections that have not brought their whole CONNECT yet. */
export const maxArriving = 8_000
/** What is on its way to one side after the other has gone has so long to get there. */
export const lingerMs = 10_000
/** Of what a socket reads at once. */
export const readBytes = 64 * 1024
/** A read of so much, a whole record of TLS, is the sign of more. */
export const bulkBytes = 16 * 1024
/** Directions that have a buffer of their own to read into; more share one, and copy. */
export const maxOwnBuffers = 256
