/** Aliases may repeat what they stand for this often: enough for people, too little for a bomb. */
const maxAliases = 100

/** Throws with line and column in its message. */
export async function parseYaml(text: string): Promise<unknown> {
  const { parse } = await import('yaml')
  const document: unknown = parse(text, { maxAliasCount: maxAliases, uniqueKeys: true, prettyErrors: true })
  return document ?? {}
}

export async function toYaml(document: unknown): Promise<string> {
  const { stringify } = await import('yaml')
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 120 })
}

/** The first line: the rest draws the place, which one line of a log has no room for. */
export const yamlFault = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
