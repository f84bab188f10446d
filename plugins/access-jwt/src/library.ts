interface Library {
  openKey: typeof import('./key.ts').openKey
  createTokens: typeof import('./tokens.ts').createTokens
}

/** Some 5 MB of memory: the library of tokens is loaded when somebody has such a provider, not at every start. */
export async function loadLibrary(): Promise<Library> {
  const [{ openKey }, { createTokens }] = await Promise.all([import('./key.ts'), import('./tokens.ts')])
  return { openKey, createTokens }
}
