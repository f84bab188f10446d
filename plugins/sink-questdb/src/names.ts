/** Longer names are refused. */
const maxNameLength = 127

/** Letters and digits of any script, `_`, `-`, and dots inside: everything else has no place in a file's name there. */
export const toTable = (text: string): string => {
  const name = text
    .slice(0, maxNameLength)
    .replaceAll(/[^\p{L}\p{N}_.-]/gu, '_')
    .replaceAll(/^\.|\.$|\.(?=\.)/g, '_')
  return name === '' ? '_' : name
}

/** Columns that every table has. */
const own = new Set(['device', 'timestamp'])

/** As of tables, but without dots and dashes. Columns are the same whatever their case. */
export const toColumn = (key: string): string => {
  const name = key.slice(0, maxNameLength - 1).replaceAll(/[^\p{L}\p{N}_]/gu, '_')
  if (name === '') return '_'
  return own.has(name.toLowerCase()) ? `${name}_` : name
}
