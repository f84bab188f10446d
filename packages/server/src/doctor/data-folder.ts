import { constants } from 'node:fs'
import { access, open, rm, stat, statfs } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isThere } from '../backup/paths.ts'
import { unfinishedRestore } from '../backup/unfinished-restore.ts'
import { type Check, fail, type Finding, ok, reasonOf, skip, warn } from './finding.ts'

const mib = 1024 * 1024
/** Less than this and the next hours may end in refusals; less than a tenth of the disk is worth a word. */
const leastFreeBytes = 200 * mib
const fewFreeBytes = 2048 * mib
/** A disk that takes longer for one synced write holds every acknowledgement up that long. */
const slowSyncMs = 50

const check = 'data folder'

/** How long one synced write takes; throws when it is not possible. */
async function trySync(folder: string): Promise<number> {
  const path = join(folder, `.doctor-${randomBytes(6).toString('hex')}.new`)
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile('x')
      const began = performance.now()
      await file.sync()
      return performance.now() - began
    } finally {
      await file.close()
    }
  } finally {
    await rm(path, { force: true })
  }
}

async function findFree(folder: string): Promise<Finding> {
  const { bavail, blocks, bsize } = await statfs(folder)
  const free = bavail * bsize
  const text = `${Math.round(free / mib)} MiB are free of ${Math.round((blocks * bsize) / mib)} MiB`
  const remedy = 'Free some, give the folder a larger disk, or let telemetry end earlier (retention of device types).'
  if (free < leastFreeBytes) return fail('free disk', text, remedy)
  return free < fewFreeBytes && bavail < blocks / 10 ? warn('free disk', text, remedy) : ok('free disk', text)
}

function findDatabase(file: string): Finding {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 1000 })
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
    return ok('database', `${file} can be read`)
  } finally {
    db.close()
  }
}

const findDatabases = async (data: string): Promise<Finding[]> => {
  const findings: Finding[] = []
  for (const name of ['registry.sqlite', 'telemetry.sqlite', 'jobs.sqlite']) {
    const file = join(data, name)
    if (!(await isThere(file))) continue
    try {
      findings.push(findDatabase(file))
    } catch (error) {
      findings.push(fail('database', `${file} cannot be read: ${reasonOf(error)}`, 'Restore the folder from a backup.'))
    }
  }
  return findings
}

export const checkDataFolder: Check = async ({ settings: { data } }) => {
  if (!(await isThere(data))) {
    let parent = dirname(data)
    while (!(await isThere(parent)) && parent !== dirname(parent)) parent = dirname(parent)
    try {
      await access(parent, constants.W_OK)
      return [skip(check, `${data} is not there yet: the first start makes it`), await findFree(parent)]
    } catch (error) {
      return [
        fail(check, `${data} cannot be made: ${reasonOf(error)}`, 'Let this user write there, or set PATCHBAY_DATA.'),
      ]
    }
  }
  const findings: Finding[] = []
  if (await isThere(join(data, unfinishedRestore)))
    findings.push(
      fail(check, `a restore into ${data} was not finished`, 'Run npm run restore again with the same backup.'),
    )
  try {
    const syncMs = await trySync(data)
    const text = `${data} can be written, a synced write takes ${syncMs.toFixed(1)} ms`
    const remedy = 'Each acknowledgement waits for that: give the folder a disk that flushes quicker.'
    findings.push(syncMs > slowSyncMs ? warn(check, text, remedy) : ok(check, text))
  } catch (error) {
    findings.push(fail(check, `${data} cannot be written: ${reasonOf(error)}`, 'Let the user of Patchbay write there.'))
  }
  const { mode } = await stat(data)
  if ((mode & 0o077) !== 0)
    findings.push(warn(check, `${data} is open to other users of this machine`, `chmod 700 ${data}`))
  return [...findings, await findFree(data), ...(await findDatabases(data))]
}
