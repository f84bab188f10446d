import { execFile, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The first Python that has the client: a machine may have several. */
const pythons = [process.env['PATCHBAY_TEST_PYTHON'], 'python3', '/usr/bin/python3'].filter(
  (each) => each !== undefined,
)
export const python =
  pythons.find((each) => spawnSync(each, ['-c', 'import proton'], { stdio: 'ignore' }).status === 0) ?? ''
const limitMs = 30_000

/** Python with Qpid Proton, an AMQP client that nobody here wrote: package python3-qpid-proton, or `pip install python-qpid-proton`. */
export const hasProton = python !== ''

/** Runs a Python script: what it printed. */
export const runPython = async (code: string, options: { folder: string; args: string[] }): Promise<string> => {
  const file = join(options.folder, 'try.py')
  await writeFile(file, code)
  const { stdout } = await promisify(execFile)(python, [file, ...options.args], { timeout: limitMs })
  return stdout
}
