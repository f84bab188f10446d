import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

// `patchbay plugin dev` as an author sees it: from the moment that a file is saved until the new code has answered a request.
const root = fileURLToPath(new URL('../../../../', import.meta.url))
const saves = 5
const reloadMs = 1_000
/** What any one may take: the first comes while the server still warms up behind its first answers. */
const worstMs = 2_000
const pollMs = 5

let work: string
let folder: string
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'patchbay-dev-'))
  folder = join(work, 'acme-adapter')
  const create = join(root, 'packages/create-plugin/src/main.ts')
  await promisify(execFile)(process.execPath, [create, folder, '--kind', 'adapter'])
  await mkdir(join(folder, 'node_modules/@patchbay'), { recursive: true })
  await symlink(join(root, 'packages/sdk'), join(folder, 'node_modules/@patchbay/sdk'))
})
afterAll(() => rm(work, { recursive: true, force: true }))

test('a save answers by its new code within a second', { timeout: 90_000 }, async () => {
  const cli = join(root, 'packages/cli/src/main.ts')
  const ports = ['PORT', 'MQTT_PORT', 'MQTTS_PORT', 'COAP_PORT', 'COAPS_PORT', 'AMQP_PORT']
  const child = spawn(process.execPath, [cli, 'plugin', 'dev', folder, '--server', root], {
    env: {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      HOME: work,
      ...Object.fromEntries(ports.map((of) => [`PATCHBAY_${of}`, '0'])),
    },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  const exit = once(child, 'exit')
  try {
    await expect
      .poll(() => text, { timeout: 40_000, interval: 20 })
      .toContain('the instance default of acme-adapter is made')
    const url = /listening on (http\S+)/.exec(text)?.[1] ?? ''
    const words = async () => (await fetch(`${url}/x/acme-adapter/none`, { method: 'POST' })).headers.get('x-words')
    expect(await words()).toBe(null)
    const file = join(folder, 'src/index.ts')
    const before = await readFile(file, 'utf8')
    const tookMs: number[] = []
    for (let n = 0; n <= saves; n += 1) {
      const began = performance.now()
      await writeFile(file, before.replace('reply.code(error', `reply.header('x-words', 'save ${n}').code(error`))
      await expect.poll(words, { timeout: 15_000, interval: pollMs }).toBe(`save ${n}`)
      tookMs.push(Math.round(performance.now() - began))
    }
    const [first = 0, ...later] = tookMs
    console.log(`plugin dev: new code answered ${first} ms after the first save, ${later.join(', ')} ms after the next`)
    expect(later.toSorted((a, b) => a - b)[saves >> 1]).toBeLessThanOrEqual(reloadMs)
    expect(Math.max(...tookMs)).toBeLessThanOrEqual(worstMs)
  } finally {
    child.kill('SIGINT')
    await exit
  }
})
