/** A variable that a file names and the environment does not have. */
export class VariableMissing extends Error {
  override readonly name = 'VariableMissing'
}

const reference = /\$\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?::=\s*(.*?)\s*)?\}\}/g

const substitute = (text: string, env: Readonly<Record<string, string | undefined>>): unknown => {
  if (!text.includes('${{')) return text
  const filled = text.replace(reference, (_, name: string, fallback: string | undefined) => {
    const value = env[name] ?? fallback
    if (value === undefined) throw new VariableMissing(`the environment has no ${name}`)
    return value
  })
  // As in APISIX, a text that has become a number or a truth value is one.
  if (/^-?\d{1,15}(\.\d+)?$/.test(filled)) return Number(filled)
  return filled === 'true' ? true : filled === 'false' ? false : filled
}

/** Fills `${{NAME}}` and `${{NAME:=otherwise}}` in all texts of a parsed file, so that no value can become structure. */
export function fillEnvironment(value: unknown, env: Readonly<Record<string, string | undefined>>): unknown {
  if (typeof value === 'string') return substitute(value, env)
  if (Array.isArray(value)) return value.map((item) => fillEnvironment(item, env))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillEnvironment(item, env)]))
}
