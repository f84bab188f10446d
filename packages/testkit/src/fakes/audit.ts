import type { AuditedWrite, AuditTrail } from '@patchbay/sdk'

/** An audit trail that keeps what it is told. */
export interface FakeAudit extends AuditTrail {
  readonly entries: readonly ({ method: string; url: string } & AuditedWrite)[]
}

export function createFakeAudit(isFull = () => false): FakeAudit {
  const entries: ({ method: string; url: string } & AuditedWrite)[] = []
  return {
    entries,
    isFull,
    record: ({ method = '', url = '' }, write) => void entries.push({ method, url, ...write }),
  }
}
