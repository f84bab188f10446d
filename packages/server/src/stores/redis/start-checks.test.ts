import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { noOwnRedis, startRedis } from '../../../test/harness/redis-server.ts'
import { createSharedRedis } from './shared-redis.ts'
import { checkRedisAtStart } from './start-checks.ts'

describe.skipIf(noOwnRedis !== undefined)(
  `Redis at the start${noOwnRedis === undefined ? '' : `: ${noOwnRedis}`}`,
  () => {
    test('is refused in one sentence when it is away or its password is wrong, and tells what is not durable', async () => {
      const redis = await startRedis({ args: ['--requirepass', 'opensesame', '--appendfsync', 'everysec'] })
      const url = redis.url.replace('redis://', 'redis://:opensesame@')
      expect(await checkRedisAtStart({ url })).toEqual([expect.stringContaining('appendfsync is everysec')])
      const wrong = checkRedisAtStart({ url: redis.url.replace('redis://', 'redis://:shibboleth@') })
      await expect(wrong).rejects.toThrow(/^REDIS_URL has a user or password that 127\.0\.0\.1:\d+ refuses; mend it\.$/)
      await redis.stop()
      await expect(checkRedisAtStart({ url }, 0)).rejects.toThrow(/^Redis at 127\.0\.0\.1:\d+: .*ECONNREFUSED/)
    })

    test('is spoken to by TLS, and its certificate is checked', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'patchbay-redis-tls-'))
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
      const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
      const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
      execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' })
      const tls = [
        '--tls-cert-file',
        cert,
        '--tls-key-file',
        key,
        '--tls-ca-cert-file',
        cert,
        '--tls-auth-clients',
        'no',
      ]
      const redis = await startRedis({ args: tls, tls: true })
      try {
        const address = { url: redis.url.replace('redis://', 'rediss://'), caFile: cert }
        expect(await checkRedisAtStart(address)).toEqual([])
        await expect(checkRedisAtStart({ url: address.url }, 0)).rejects.toThrow('self-signed certificate')
        const up = Promise.withResolvers<void>()
        const shared = createSharedRedis(address, 'x:').connect({ up: up.resolve })
        await up.promise
        expect(await shared.call('PING')).toEqual(Buffer.from('PONG'))
        shared.close()
        await expect(shared.call('PING')).rejects.toThrow(/writeable|closed/)
      } finally {
        await redis.stop()
        await rm(folder, { recursive: true, force: true })
      }
    })
  },
)
