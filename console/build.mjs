// Builds the console into console/dist when its sources changed since the last time, and does nothing otherwise (about 20 ms).
// Plain JavaScript on purpose: it runs before every start, on whatever Node is there.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const root = fileURLToPath(new URL('./', import.meta.url))
const dist = join(root, 'dist')
const stampFile = join(dist, '.stamp')
const inputs = [
  'index.html',
  'build.mjs',
  'package.json',
  '../pnpm-lock.yaml',
  'public',
  'src',
  '../packages/contracts/src',
]

const filesOf = (path) =>
  existsSync(path)
    ? readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .toSorted()
    : []

const toStamp = () => {
  const hash = createHash('sha256')
  for (const input of inputs) {
    const path = join(root, input)
    const files = /\.\w+$/.test(input) ? [path] : filesOf(path)
    for (const file of files) hash.update(relative(root, file).split(sep).join('/')).update(readFileSync(file))
  }
  return hash.digest('hex')
}

// A browser that takes gzip gets these, so that serving compresses nothing.
const compress = (folder) => {
  for (const file of filesOf(folder)) {
    if (/\.(js|css|html|svg)$/.test(file)) writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }))
  }
}

/** Makes `console/dist` current. Two processes may do it at once: each builds aside, and the last one's stays. */
const buildConsole = async () => {
  process.env.NODE_ENV = 'production' // whatever the caller's is: a build for tests would be another one
  const stamp = toStamp()
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return false
  const { build } = await import('vite')
  const { default: vue } = await import('@vitejs/plugin-vue')
  const aside = join(root, `dist.${process.pid}`)
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: [vue()],
    define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false' },
    build: {
      outDir: aside,
      emptyOutDir: true,
      target: 'es2022',
      assetsDir: 'assets',
      assetsInlineLimit: 0, // the policy of the pages permits nothing inline
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
  })
  compress(aside)
  writeFileSync(join(aside, '.stamp'), stamp)
  rmSync(dist, { recursive: true, force: true })
  renameSync(aside, dist)
  return true
}

/** Before tests: what is served is made from the sources as they are. A process of its own, because the environment is another. */
export const setup = () => {
  const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url)], { stdio: 'inherit' })
  if (status !== 0) throw new Error('The console cannot be built: see above.')
}

/** Builds when there is something new to build, and says so: the wait wants a reason. */
export const makeConsoleCurrent = async () => {
  const began = performance.now()
  if (await buildConsole())
    process.stdout.write(`patchbay: built the console in ${Math.round(performance.now() - began)} ms\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await makeConsoleCurrent()
