// `npm run bench:lighthouse`: accessibility and best practices of the main pages, as Lighthouse sees them in a Chromium of the PATH.
import { createServer, type Server } from 'node:http'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { chromiumPath, startInFolder } from '../../test/console/browser-page.ts'
import { fillPlatform } from '../../test/console/small-fleet.ts'
import { makeDataFolder, startServer } from '../../test/harness/server-process.ts'
import { toTable } from '../store/figures.ts'

const user = 'ada'
const password = 'correct horse battery'
const least = 95
const places = [
  '/login',
  '/',
  '/devices',
  '/devices/sensor-01/data',
  '/live',
  '/alerts?state=all',
  '/rules',
  '/channels/ops',
  '/plugins',
  '/jobs',
  '/system',
  '/access/users',
]

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const portOf = (of: Server): number => {
  const address = of.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const Report = Type.Object({
  lhr: Type.Object({
    lighthouseVersion: Type.String(),
    finalDisplayedUrl: Type.String(),
    categories: Type.Record(
      Type.String(),
      Type.Object({
        score: Type.Union([Type.Number(), Type.Null()]),
        auditRefs: Type.Array(Type.Object({ id: Type.String(), weight: Type.Number() })),
      }),
    ),
    audits: Type.Record(
      Type.String(),
      Type.Object({ title: Type.String(), score: Type.Union([Type.Number(), Type.Null()]) }),
    ),
  }),
})

if (chromiumPath === undefined) throw new Error('There is no Chromium on the PATH.')
// By an address, not by a name: it is no dependency of the workspace.
const { default: lighthouse }: { default: unknown } = await import(
  new URL('node_modules/lighthouse/core/index.js', import.meta.url).href
)
if (typeof lighthouse !== 'function') throw new Error('Lighthouse is not as expected.')

const data = await makeDataFolder()
const profile = await mkdtemp(join(tmpdir(), 'patchbay-lighthouse-'))
const remote = createServer((_request, response) => response.writeHead(200).end('taken'))
await new Promise<void>((resolve) => remote.listen(0, '127.0.0.1', resolve))
const env = {
  PATCHBAY_ADMIN_USER: user,
  PATCHBAY_ADMIN_PASSWORD: password,
  PATCHBAY_ALLOW_PRIVATE_TARGETS: '127.0.0.1',
}
const server = await startServer({ data: data.path, env })
const context = await startInFolder(profile)
const rows: string[][] = []
const short: string[] = []
try {
  await fillPlatform(server.url, `http://127.0.0.1:${portOf(remote)}/hook`)
  const port = Number((await readFile(join(profile, 'DevToolsActivePort'), 'utf8')).split('\n')[0])
  const page = await context.newPage()
  for (const place of places) {
    // The first is the sign-in, of nobody; all others are of who signed in.
    if (rows.length === 1) {
      await page.goto(`${server.url}/login`)
      await page.fill('input[name=user]', user)
      await page.fill('input[name=password]', password)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByText(`Hello, ${user}`).waitFor()
    }
    const report: unknown = await Reflect.apply(lighthouse, undefined, [
      server.url + place,
      {
        port,
        disableStorageReset: true,
        onlyCategories: ['accessibility', 'best-practices'],
        formFactor: 'desktop',
        screenEmulation: { mobile: false, width: 1350, height: 940, deviceScaleFactor: 1, disabled: false },
        throttlingMethod: 'provided',
        // A page with a live socket and figures that are asked for every second is never quiet.
        maxWaitForLoad: 10_000,
        logLevel: 'error',
      },
    ])
    if (!Value.Check(Report, report)) throw new Error(`Lighthouse told nothing of ${place}.`)
    const { categories, audits, lighthouseVersion, finalDisplayedUrl } = report.lhr
    if (finalDisplayedUrl !== server.url + place) throw new Error(`${place} led to ${finalDisplayedUrl}.`)
    const scoreOf = (name: string): number => Math.round((categories[name]?.score ?? 0) * 100)
    const counted = Object.values(categories)
      .flatMap(({ auditRefs }) => auditRefs)
      .filter(({ id, weight }) => weight > 0 && typeof audits[id]?.score === 'number')
    const failed = counted.filter(({ id }) => (audits[id]?.score ?? 0) < 1).map(({ id }) => audits[id]?.title ?? id)
    const scores = [scoreOf('accessibility'), scoreOf('best-practices')]
    if (rows.length === 0) print(`Lighthouse ${lighthouseVersion}, desktop`)
    rows.push([place, ...scores.map(String), String(counted.length), failed.join('; ') || '–'])
    if (scores.some((score) => score < least)) short.push(place)
  }
} finally {
  await context.close()
  await server.kill()
  remote.close()
  await data.remove()
  await rm(profile, { recursive: true, force: true })
}
print(toTable([['page', 'accessibility', 'best practices', 'audits', 'not passed'], ...rows]))
if (short.length > 0) {
  print(`below ${least}: ${short.join(', ')}`)
  process.exitCode = 1
}
