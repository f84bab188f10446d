import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder for what the platforms of all suites compile at their first start; whoever starts the first of them fills it. */
export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-compiled-'))
  process.env['TEST_COMPILE_CACHE'] = folder
  return () => rm(folder, { recursive: true, force: true })
}
