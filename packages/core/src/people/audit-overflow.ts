/** An audit entry found no room: told to the log, with what it was about. */
export class AuditOverflow extends Error {
  override readonly name = 'AuditOverflow'
}
