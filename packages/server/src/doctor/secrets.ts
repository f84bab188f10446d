import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError } from '@patchbay/core/errors'
import { assertGoodPassword } from '@patchbay/core/people/password-rule'
import { isLoopback, isPrivate } from '../settings/addresses.ts'
import { type Check, codeOf, type Finding, ok, warn } from './finding.ts'

const check = 'secrets'
/** Bits that a secret of this length and so many different characters can have at most. */
const leastBits = 96

/** An upper bound, by the characters that are there and how often: it finds what was typed or repeated, not what was chosen badly. */
export function mostBits(secret: string): number {
  const counts = new Map<string, number>()
  for (const each of secret) counts.set(each, (counts.get(each) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= count * Math.log2(count / secret.length)
  // abcabcabc has the entropy of abc.
  for (let period = 1; period <= secret.length / 2; period += 1)
    if (secret.slice(0, -period) === secret.slice(period)) return (bits * period) / secret.length
  return bits
}

const wordsOfNoSecret = /change.?me|choose.?a|password|secret|example|insecure|default|test-?key|1234567|abcdef0123/i

/** What can be told of a secret by its letters. */
export const findWeak = (name: string, secret: string): Finding =>
  mostBits(secret) < leastBits || wordsOfNoSecret.test(secret)
    ? warn(check, `${name} looks like one that can be guessed`, 'Take the output of openssl rand -hex 32.')
    : ok(check, `${name} has the length of a random one, and no word of an example`)

/** An address of a server elsewhere that is spoken to openly. */
const findAddress = (name: string, url: string, isEncrypted: boolean): Finding[] => {
  const parsed = URL.parse(url.replace(/^mongodb(\+srv)?:/, 'http:').replace(/^rediss?:/, 'http:'))
  // Several hosts with commas between are no URL: the first one stands for them.
  const host = parsed?.hostname ?? /@?([^/@,:?]+)/.exec(url.replace(/^[^/]*\/\//, ''))?.[1] ?? ''
  if (isLoopback(host)) return []
  const findings: Finding[] = []
  if (parsed && parsed.password === '')
    findings.push(warn(check, `${name} names no password`, 'Give the server a user with a password, and name both.'))
  if (!isEncrypted && !isPrivate(host) && host.includes('.'))
    findings.push(
      warn(
        check,
        `${name} is spoken to without TLS`,
        'Use rediss://, or tls=true for MongoDB, unless the network is yours alone.',
      ),
    )
  return findings
}

export const checkSecrets: Check = async ({ settings }) => {
  const { apiKey, masterKey, adminUser, adminPassword, mongodbUrl, redisUrl, data } = settings
  const findings: Finding[] = []
  if (apiKey !== undefined) findings.push(findWeak('PATCHBAY_API_KEY', apiKey))
  if (masterKey && new Set(masterKey).size < 8)
    findings.push(
      warn(
        check,
        'PATCHBAY_MASTER_KEY is not random',
        'Take the output of openssl rand -base64 32 before the first start.',
      ),
    )
  if (adminUser !== undefined && adminPassword !== undefined) {
    try {
      assertGoodPassword(adminPassword, adminUser)
      findings.push(ok(check, 'PATCHBAY_ADMIN_PASSWORD is not among those that are tried first'))
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      findings.push(warn(check, 'PATCHBAY_ADMIN_PASSWORD is one of those that are tried first', 'Take a longer one.'))
    }
  }
  if (mongodbUrl !== undefined)
    findings.push(
      ...findAddress(
        'MONGODB_URL',
        mongodbUrl,
        /[?&](tls|ssl)=true/.test(mongodbUrl) || mongodbUrl.startsWith('mongodb+srv:'),
      ),
    )
  if (redisUrl !== undefined) findings.push(...findAddress('REDIS_URL', redisUrl, redisUrl.startsWith('rediss:')))
  for (const name of ['master.key', join('tls', 'server.key')]) {
    try {
      if (((await stat(join(data, name))).mode & 0o077) !== 0)
        findings.push(warn(check, `${join(data, name)} can be read by other users`, `chmod 600 ${join(data, name)}`))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }
  return findings
}
