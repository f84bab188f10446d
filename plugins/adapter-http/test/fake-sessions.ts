import {
  Refused,
  type Credentials,
  type Peer,
  type PublishOptions,
  type RefusalReason,
  type Session,
  type Sessions,
  type TakenCommand,
} from '@patchbay/sdk'

export interface Published {
  who: string
  topic: string
  bytes: Buffer
  how: PublishOptions | undefined
}

/** A platform with devices whose secret is `secret-of-{id}` without colons, and an application with the API key `api-key`. */
export class FakeSessions implements Sessions {
  opened: Peer[] = []
  closed = 0
  alive = 0
  published: Published[] = []
  refused: { code: string; device: string | undefined; topic: string | undefined }[] = []
  authorized: string[] = []
  /** Why the next publishes are refused. */
  refuseWith: Refused | Error | undefined
  commands: TakenCommand[] = []
  polls: { waitMs: number; signal: AbortSignal }[] = []
  enders: ((why: 'revoked') => void)[] = []

  open(peer: Peer): Promise<Session> {
    this.opened.push(peer)
    const id = identify(peer.credentials)
    if (id === undefined)
      return Promise.reject(new Refused('credentials', 'CREDENTIALS_WRONG', 'credentials', 'The secret is wrong.'))
    if (id === 'banned') return Promise.reject(new Refused('banned', 'CREDENTIALS_ENDED', 'credentials', 'Revoked.'))
    return Promise.resolve(this.#session(id))
  }

  #session(id: string): Session {
    const principal = { kind: id === 'key' ? ('application' as const) : ('device' as const), id }
    const allowed = (topic: string) => id === 'key' || topic.startsWith(`devices/${id}/`)
    const decide = (topic: string) => ({ allowed: allowed(topic), step: 'default', detail: `About ${topic}.` })
    return {
      id: 's',
      principal,
      publish: (topic, bytes, how) => {
        if (this.refuseWith) return Promise.reject(this.refuseWith)
        const levels = topic.split('/')
        if (topic === '' || /[+#\0]/.test(topic) || levels.length > 32 || topic.length > 512) {
          return Promise.reject(new Refused('malformed', 'TOPIC_INVALID', 'topic', 'The topic is not well formed.'))
        }
        if (!allowed(topic)) return Promise.reject(new Refused('forbidden', 'TOPIC_FORBIDDEN', 'default', 'Not yours.'))
        this.published.push({ who: id, topic, bytes: Buffer.from(bytes), how })
        return Promise.resolve()
      },
      topic: () => {
        throw new Error('not used')
      },
      may: (_action, topic) => decide(topic),
      authorize: (action, topic) => {
        this.authorized.push(`${action} ${topic}`)
        return Promise.resolve(decide(topic))
      },
      subscribe: () => Promise.reject(new Error('not used')),
      takeCommands: (how) => this.#take(how),
      desiredShadow: () => Promise.resolve({ delta: { led: 'on' }, version: 3 }),
      provision: (bytes, how) => {
        if (this.refuseWith) return Promise.reject(this.refuseWith)
        if (id !== 'provision') {
          return Promise.reject(new Refused('forbidden', 'TOPIC_FORBIDDEN', 'provisioning', 'Not yours.'))
        }
        this.published.push({ who: id, topic: 'provision/request', bytes: Buffer.from(bytes), how })
        return Promise.resolve(Buffer.from('{"device":{"id":"new"}}'))
      },
      alive: () => void this.alive++,
      onEnd: (hear) => void this.enders.push(hear),
      close: () => void this.closed++,
    }
  }

  #take(how: { waitMs: number; signal: AbortSignal }): Promise<readonly TakenCommand[]> {
    this.polls.push(how)
    if (this.commands.length > 0 || how.waitMs === 0) return Promise.resolve(this.commands.splice(0))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(this.commands.splice(0)), how.waitMs)
      how.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(new Error('aborted'))
      })
    })
  }

  refuse(_peer: unknown, refusal: Parameters<Sessions['refuse']>[1]): void {
    this.refused.push({ code: refusal.refused.code, device: refusal.device, topic: refusal.topic })
  }
  publishFor(): Promise<void> {
    return Promise.reject(new Error('not used'))
  }
  relay(): void {
    throw new Error('not used')
  }
}

function identify(credentials: Credentials): string | undefined {
  if (credentials.kind === 'certificate') return credentials.deviceId
  if (credentials.kind === 'bearer') return /^secret-of-(.+)$/.exec(credentials.secret)?.[1]
  if (credentials.kind !== 'password') return undefined
  const { username, password } = credentials
  if (username === 'provision') return password === 'provisioning-key' ? 'provision' : undefined
  if (username === 'key') return password === 'api-key' ? 'key' : undefined
  return password === `secret-of-${username.replaceAll(':', '')}` ? username : undefined
}

export const everyReason: readonly RefusalReason[] = [
  'credentials',
  'banned',
  'forbidden',
  'malformed',
  'invalid',
  'too-large',
  'quota',
  'unavailable',
]
