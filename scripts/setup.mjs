// Makes the workspace ready with nothing but Node 20.19+ and npm: installs from the lockfile with the pinned pnpm when the
// lockfile, the workspace file or package.json changed, and does nothing (and needs no network) otherwise.
// Plain JavaScript on purpose: it runs on the host's Node, before the pinned one is there.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stampFile = join(root, 'node_modules', '.setup-stamp')
const hash = createHash('sha256').update(process.platform + process.arch)
const inputs = ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml']
const patches = join(root, 'patches')
if (existsSync(patches)) for (const file of readdirSync(patches).sort()) inputs.push(join('patches', file))
for (const file of inputs) hash.update(readFileSync(join(root, file)))
const stamp = hash.digest('hex')

if (!(existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp)) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  console.log('patchbay: installing dependencies (once; later starts skip this)')
  const run = spawnSync('npx', ['--yes', packageManager, 'install', '--frozen-lockfile', '--reporter=append-only'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, CI: 'true', npm_config_loglevel: 'error' },
  })
  if (run.status !== 0) {
    console.error(
      'patchbay: installing failed; is the package registry reachable? Run the same command again to retry.',
    )
    process.exit(run.status ?? 1)
  }
  writeFileSync(stampFile, stamp)
}
