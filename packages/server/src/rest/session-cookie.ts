import type { FastifyReply, FastifyRequest } from 'fastify'

/** `__Host-` binds the cookie to this host and to TLS; browsers refuse the prefix over plain HTTP. */
const nameOf = (encrypted: boolean): string => (encrypted ? '__Host-patchbay' : 'patchbay')

const attributes = (encrypted: boolean) => ({
  path: '/',
  httpOnly: true,
  sameSite: 'strict' as const,
  secure: encrypted,
})

/** The session's token, only under the name that this kind of connection may have set. */
export const readSession = (request: Pick<FastifyRequest, 'cookies' | 'peer'>): string | undefined =>
  request.cookies[nameOf(request.peer.encrypted)]

export const setSession = (request: FastifyRequest, reply: FastifyReply, token: string): void => {
  const { encrypted } = request.peer
  reply.setCookie(nameOf(encrypted), token, attributes(encrypted))
}

export const clearSession = (request: FastifyRequest, reply: FastifyReply): void => {
  const { encrypted } = request.peer
  reply.clearCookie(nameOf(encrypted), attributes(encrypted))
}
