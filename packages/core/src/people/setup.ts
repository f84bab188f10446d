import type { Clock } from '../clock.ts'
import { DomainError } from '../errors.ts'
import type { Body, RegistryStore } from '../registry/port.ts'
import type { PasswordHash } from './password-hash.ts'
import { assertGoodPassword } from './password-rule.ts'
import { textOf } from './record-text.ts'
import { ownerRole } from './roles.ts'
import { createSecret, digestOf, isDigestOf } from './secret.ts'
import { createTurns } from './turns.ts'
import { userKey } from './users.ts'

export const setupTokenMs = 60 * 60_000
const tokenId = 'setup_token'
/** The document that can be made only once: whoever makes it is the owner. */
const ownerId = 'owner'

export interface Setup {
  /** Is there no owner yet? */
  needed(): Promise<boolean>
  /** A new one-use token, the earlier one is void; undefined when there is an owner. */
  issue(): Promise<string | undefined>
  /** Creates the owner, once, however many try at the same time. */
  complete(request: { token: string; user: string; password: string }): Promise<void>
  /** PATCHBAY_ADMIN_USER and PATCHBAY_ADMIN_PASSWORD: creates the owner if there is none; answers whether it did. */
  ensureOwner(user: string, password: string): Promise<boolean>
}

const wrongToken = (): DomainError =>
  new DomainError('SETUP_TOKEN_WRONG', 'The setup token is wrong, used or older than an hour. Restart for a new one.')
const done = (): DomainError => new DomainError('SETUP_DONE', 'There is an owner already. Log in.')

export const createSetup = (registry: RegistryStore, clock: Clock, hash: PasswordHash): Setup => {
  const inTurn = createTurns()
  const nowMs = (): number => clock.nowMicros() / 1000
  /** The claim carries the whole user, so that a crash between the two writes is mended at the next look. */
  const settle = async (): Promise<boolean> => {
    const claim = await registry.get('meta', ownerId)
    if (!claim) return false
    const user: unknown = claim.body['pending']
    if (typeof user !== 'object' || user === null) return true
    const body: Body = { ...user }
    const id = textOf(body, 'id') ?? ''
    await registry.put('users', userKey(id), body, 'new')
    await registry.put('meta', ownerId, { user: id, at: claim.body['at'] }, claim.version)
    return true
  }
  const isDone = async (): Promise<boolean> => {
    if (await settle()) return true
    const { items } = await registry.list('users', { where: { role: ownerRole }, limit: 1 })
    return items.length > 0
  }
  const claim = async (user: string, password: string): Promise<boolean> => {
    assertGoodPassword(password, user)
    if (await registry.get('users', userKey(user)))
      throw new DomainError('ALREADY_EXISTS', `There is a user ${user} already. Take another name.`)
    const at = new Date(nowMs()).toISOString()
    const pending = { id: user, role: ownerRole, password: await hash.hash(password), createdAt: at }
    const written = await registry.put('meta', ownerId, { user, at, pending }, 'new')
    if (!written.ok) return false
    await settle()
    await registry.delete('meta', tokenId)
    return true
  }
  const isToken = async (token: string): Promise<boolean> => {
    const stored = await registry.get('meta', tokenId)
    return (
      stored !== undefined &&
      isDigestOf(textOf(stored.body, 'hash') ?? '', token) &&
      Date.parse(textOf(stored.body, 'expiresAt') ?? '') > nowMs()
    )
  }
  return {
    needed: async () => !(await isDone()),
    async issue() {
      if (await isDone()) return undefined
      const token = createSecret()
      const expiresAt = new Date(nowMs() + setupTokenMs).toISOString()
      await registry.put('meta', tokenId, { hash: digestOf(token), expiresAt }, 'any')
      return token
    },
    complete: ({ token, user, password }) =>
      inTurn(async () => {
        if (await isDone()) throw done()
        if (!(await isToken(token))) throw wrongToken()
        if (!(await claim(user, password))) throw done()
      }),
    ensureOwner: (user, password) => inTurn(async () => !(await isDone()) && (await claim(user, password))),
  }
}
