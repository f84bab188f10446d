import { checkOpenFiles } from '../host/open-files.ts'
import { compare } from './compare.ts'
import { toOptions, usage } from './options.ts'
import { showStages } from './stages.ts'

try {
  const options = toOptions(process.argv.slice(2))
  if (options === undefined) console.log(usage)
  else {
    checkOpenFiles(Math.max(...options.clients))
    const say = (line: string): void => console.log(line)
    const good = options.stages ? await showStages(options, say) : await compare(options, say)
    process.exitCode = good ? 0 : 1
  }
} catch (error) {
  console.error(`bench:ingest: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
process.exit()
