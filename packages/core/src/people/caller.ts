import { permits } from './permissions.ts'

/** Who asks something of REST: a person with a session, or an API key. Rights are of this moment, not of the login. */
export interface Caller {
  kind: 'user' | 'key'
  id: string
  role: string
  permissions: readonly string[]
  /** As the audit trail names it: `user:ada`, `key:0f3c…`. */
  actor: string
  /** The session a person came with. */
  session?: string
  /** What a key may publish and subscribe to; a person may what `messages.*` permits. */
  publish?: readonly string[]
  subscribe?: readonly string[]
}

export const mayDo = (caller: Pick<Caller, 'permissions'>, permission: string): boolean =>
  permits(caller.permissions, permission)
