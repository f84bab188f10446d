import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { StagedPlugin } from '@patchbay/contracts/plugin'
import { unpackArchive } from '@patchbay/plugin-host/packages/unpack'
import { Value } from 'typebox/value'
import { expect, test } from 'vitest'
import { createApi } from '../harness/api.ts'
import { docCode } from '../harness/doc-code.ts'
import { startInProcess } from '../harness/in-process.ts'
import { packFeed } from '../harness/packed-plugin.ts'
import { makeDataFolder, testKey } from '../harness/server-process.ts'

const cli = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))
const scriptMs = 20_000

/** A registry of npm with one package in one version. */
async function openRegistry(archive: Buffer) {
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`
  const server = createServer((request, response) => {
    if (request.url === '/modbus.tgz') return response.end(archive)
    const dist = { tarball: `${url}/modbus.tgz`, integrity }
    return response.end(JSON.stringify({ 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { dist } } }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  return { url, close: () => server.close() }
}

test(
  'the page on installing does what it says, from the first upload to the roll-back',
  { timeout: 60_000 },
  async () => {
    const of = (version: string, needs: object = {}) =>
      packFeed({ id: 'acme-modbus', version, manifest: { needs: { services: ['sessions'], ...needs } } })
    const archive = of('1.0.0', { connect: ['tcp:*:502'] })
    const registry = await openRegistry(archive)
    const data = await makeDataFolder()
    const server = await startInProcess({
      data: data.path,
      bundled: [],
      env: { PATCHBAY_PLUGIN_REGISTRY: registry.url },
    })
    try {
      const folder = join(data.path, 'of-the-admin')
      await mkdir(join(folder, 'bin'), { recursive: true })
      await writeFile(join(folder, 'acme-modbus-1.0.0.tgz'), archive)
      // The page means the kit that npx finds; here it is the one of this checkout.
      await writeFile(join(folder, 'bin/npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${cli}" "$@"\n`)
      await chmod(join(folder, 'bin/npx'), 0o700)
      const env = { PATH: `${join(folder, 'bin')}:${dirname(process.execPath)}:${process.env['PATH']}`, KEY: testKey }
      const run = async (script: string, sha512 = ''): Promise<string> => {
        const code = script.replaceAll('http://localhost:8080', server.url).replaceAll('9f…', sha512)
        return (await promisify(execFile)('bash', ['-ec', code], { cwd: folder, env, timeout: scriptMs })).stdout
      }
      const api = createApi(server.url)

      const uploaded: unknown = JSON.parse(await run(await docCode('plugins/install.md', 'sh', 0)))
      if (!Value.Check(StagedPlugin, uploaded)) throw new Error(JSON.stringify(uploaded))
      // What the page shows is what comes, but for the hash and what the plugin of this test contributes beside it.
      const shown: unknown = JSON.parse(await docCode('plugins/install.md', 'json', 0))
      if (!Value.Check(StagedPlugin, shown)) throw new Error(JSON.stringify([...Value.Errors(StagedPlugin, shown)]))
      expect(Object.keys(uploaded).toSorted()).toEqual(Object.keys(shown).toSorted())
      expect({ ...uploaded, sha512: shown.sha512, needs: shown.needs, wider: shown.wider }).toEqual(shown)
      expect(uploaded.wider).toEqual(expect.arrayContaining(shown.wider))
      const { sha512 } = uploaded

      // By its name it is the very same, and no more than what waits already.
      expect(JSON.parse(await run(await docCode('plugins/install.md', 'sh', 1)))).toMatchObject({
        sha512,
        approval: 'pending',
      })
      const approved = JSON.parse(await run(await docCode('plugins/install.md', 'sh', 2), sha512))
      expect(approved).toMatchObject({ state: 'ready', version: '1.0.0', release: { sha512 } })

      await writeFile(join(folder, 'next.tgz'), of('1.1.0'))
      await run(
        `curl -sH "Authorization: Bearer $KEY" --data-binary @next.tgz -H 'Content-Type: application/gzip' '${server.url}/api/v1/plugins?approve=true'`,
      )
      expect((await api.get('/api/v1/plugins/acme-modbus')).body.version).toBe('1.1.0')
      const back = JSON.parse(await run(await docCode('plugins/install.md', 'sh', 3)))
      expect(back).toMatchObject({ version: '1.0.0', previous: { version: '1.1.0' } })

      // At host level, when an admin says so in so many words.
      await api.delete('/api/v1/plugins/acme-modbus')
      await run(await docCode('plugins/install.md', 'sh', 0))
      const words = (await docCode('plugins/install.md', 'json', 1)).replace('9f…', sha512)
      const atHost = await api.post('/api/v1/plugins/acme-modbus/approve', JSON.parse(words))
      expect(atHost).toMatchObject({ status: 200, body: { level: 'host' } })

      // A publisher's key, a check and a signed file.
      await mkdir(join(folder, 'my-plugin'))
      await unpackArchive(archive, join(folder, 'my-plugin'))
      const said = await run(await docCode('plugins/install.md', 'sh', 4))
      expect(said).toMatch(/^[A-Za-z0-9+/]{43}=$/m)
      expect(said).toContain('packed 6 files into acme-modbus-1.0.0.tgz')
      expect(said).toContain(sha512)
      expect((await readFile(join(folder, 'acme.pem'), 'utf8')).startsWith('-----BEGIN PRIVATE KEY-----')).toBe(true)
    } finally {
      await server.close()
      await data.remove()
      registry.close()
    }
  },
)
