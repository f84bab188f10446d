import type { RefusalReason } from '@patchbay/sdk'

export interface HttpWords {
  status: number
  title: string
  /** Seconds for Retry-After. */
  retryAfter?: number
}

/** The one table from why the platform refuses to HTTP's words for it. */
export const httpWords: Readonly<Record<RefusalReason, HttpWords>> = {
  credentials: { status: 401, title: 'Not authenticated' },
  banned: { status: 403, title: 'Not permitted' },
  forbidden: { status: 403, title: 'Not permitted' },
  malformed: { status: 400, title: 'Malformed' },
  invalid: { status: 422, title: 'Outside the limits' },
  'too-large': { status: 413, title: 'Too large' },
  quota: { status: 429, title: 'Too much', retryAfter: 1 },
  unavailable: { status: 503, title: 'Not possible now', retryAfter: 5 },
}
