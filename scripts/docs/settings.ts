import { type Generated, GenerateError, load } from './generator.ts'
import { isRecord, textOf, toPage, toTable } from './page.ts'

const source = 'packages/server/src/settings/settings-table.ts'

/** docs/reference/settings.md, from the table that the settings are read by. */
export async function generateSettings(): Promise<Generated[]> {
  const { settingsTable } = await load(source)
  const rows: unknown = typeof settingsTable === 'function' ? settingsTable() : undefined
  if (!Array.isArray(rows)) throw new GenerateError(`${source} exports no settingsTable()`)
  const cells = rows.map((row: unknown) => {
    if (!isRecord(row) || textOf(row, 'name') === '') throw new GenerateError(`${source}: a row has no name`)
    return [`\`${textOf(row, 'name')}\``, textOf(row, 'default'), textOf(row, 'meaning'), textOf(row, 'since')]
  })
  const text = toPage(
    'Settings',
    'packages/server/src/settings/declarations.ts',
    'Settings are environment variables. They are read once, at start. A wrong value, or a name that begins with `PATCHBAY_` and is not in this table, ends the start with exit code 2 and one sentence that names the setting, what is wrong with it and the remedy. (`PATCHBAY_SERVICE_*` and `PATCHBAY_PORT_<n>_*`, which Kubernetes injects, are passed over.)',
    toTable(['name', 'default', 'meaning', 'since'], cells),
  )
  return [{ path: 'docs/reference/settings.md', text }]
}
