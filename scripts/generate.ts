// Writes what is made from code: docs/reference/*.md, plugins/*/config.schema.json and the
// console's gallery of fields. With --check it writes nothing and fails when a
// file is not what it would write.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generateApi } from './docs/api.ts'
import { generateCheckRules } from './docs/check-rules.ts'
import { generateConfigSchemas } from './docs/config-schemas.ts'
import { generateErrors } from './docs/errors.ts'
import { generateEveryField } from './docs/every-field.ts'
import { generateGatewayObjects } from './docs/gateway-objects.ts'
import { type Generated, GenerateError, root } from './docs/generator.ts'
import { readOpenApi } from './docs/openapi-source.ts'
import { generateSdk } from './docs/sdk.ts'
import { generateSettings } from './docs/settings.ts'

const checkOnly = process.argv.includes('--check')

const generators: Record<string, () => Promise<Generated[]>> = {
  'config schemas': generateConfigSchemas,
  'every field': generateEveryField,
  settings: generateSettings,
  errors: generateErrors,
  'gateway objects': generateGatewayObjects,
  'check rules': generateCheckRules,
  sdk: generateSdk,
  api: async () => generateApi(await readOpenApi()),
}

const currentText = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)

function settle({ path, text }: Generated): boolean {
  const file = join(root, path)
  if (currentText(file) === text) return true
  if (checkOnly) {
    console.error(`${path} is not current: run npm run generate`)
    return false
  }
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  console.log(`wrote ${path}`)
  return true
}

let good = true
for (const [name, generate] of Object.entries(generators)) {
  try {
    for (const file of await generate()) good = settle(file) && good
  } catch (error) {
    if (!(error instanceof GenerateError)) throw error
    console.error(`${name}: ${error.message}`)
    good = false
  }
}
process.exitCode = good ? 0 : 1
