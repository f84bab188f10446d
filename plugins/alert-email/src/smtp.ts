import { isIP } from 'node:net'
import type { DeliveryAnswer } from '@patchbay/sdk'
import { toReply } from '@patchbay/sdk/alert-channel'
import { connectTo, TargetForbidden, Unreachable } from '@patchbay/sdk/outbound-socket'
import type { Config } from './config.ts'
import type { Mail } from './mail.ts'

export const connectMs = 8_000
/** Silence of the server at any step. */
export const silenceMs = 8_000

const numberOf = (error: unknown, key: string): number | undefined => {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, key) : undefined
  return typeof value === 'number' ? value : undefined
}
const textOf = (error: unknown, key: string): string | undefined => {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, key) : undefined
  return typeof value === 'string' ? value : undefined
}

/** 5yz is a permanent refusal (RFC 5321, section 4.2.1); everything else, a broken connection too, is tried again. */
const toRefusal = (error: unknown, secrets: readonly (string | undefined)[]): DeliveryAnswer => {
  const code = numberOf(error, 'responseCode')
  const words = textOf(error, 'response') ?? (error instanceof Error ? error.message : String(error))
  return { outcome: code !== undefined && code >= 500 ? 'refused' : 'retry', reply: toReply(words, secrets) }
}

/**
 * Sends one mail on a connection of its own, which the signal ends at any step. Throws TargetForbidden and Unreachable. A mail server may
 * be in the own network; link-local and metadata addresses are closed to it, too.
 */
export async function send(
  config: Pick<Config, 'host' | 'port' | 'security' | 'ca' | 'username' | 'password'>,
  mail: Mail,
  { signal, secrets }: { signal: AbortSignal; secrets: readonly (string | undefined)[] },
): Promise<DeliveryAnswer> {
  // Loaded with the first mail: an installation without one need not pay for it.
  const { createTransport } = await import('nodemailer')
  const { host, port } = config
  const connection = await connectTo({ host, port, privateTargets: 'all', signal, timeoutMs: connectMs })
  const transport = createTransport({
    host,
    port,
    secure: config.security === 'tls',
    requireTLS: config.security === 'starttls',
    ignoreTLS: config.security === 'none',
    tls: {
      // RFC 6066, section 3: an address is no server name.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      ...(config.ca === undefined || config.ca === '' ? {} : { ca: config.ca }),
    },
    ...(config.username === undefined || config.password === undefined
      ? {}
      : { auth: { user: config.username, pass: config.password } }),
    greetingTimeout: silenceMs,
    socketTimeout: silenceMs,
    // A template must not make it read files or fetch addresses.
    disableFileAccess: true,
    disableUrlAccess: true,
    getSocket: (_options, done) => done(null, { connection }),
  })
  try {
    const { response, rejected } = await transport.sendMail(mail)
    const some = rejected.length === 0 ? '' : ` (refused for ${rejected.map(String).join(', ')})`
    return { outcome: 'delivered', reply: toReply(`${response}${some}`, secrets) }
  } catch (error) {
    if (error instanceof TargetForbidden || error instanceof Unreachable) throw error
    if (signal.aborted) throw new Unreachable('The call was given up, since the instance stops.', { cause: error })
    return toRefusal(error, secrets)
  } finally {
    transport.close()
    connection.destroy()
  }
}
