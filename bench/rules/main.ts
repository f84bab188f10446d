import { checkOpenFiles } from '../host/open-files.ts'
import { compareRules } from './compare.ts'
import { toOptions, usage } from './options.ts'

try {
  const options = toOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else {
    checkOpenFiles(options.devices)
    process.exitCode = (await compareRules(options, (line) => console.log(line))) ? 0 : 1
  }
} catch (error) {
  console.error(`bench:rules: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
process.exit()
