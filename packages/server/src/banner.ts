/** What a person sees at start: where the console is, and how to become its owner. */
export interface BannerFacts {
  url: string
  data: string
  setupToken?: string | undefined
  /** Things that a person should know while they are on, such as relaxed durability. */
  notices: readonly string[]
}

export const printBanner = ({ url, data, setupToken, notices }: BannerFacts): void => {
  const lines = ['', `  Patchbay is listening on ${url}`, `  Data folder: ${data}`]
  // The token stands in the fragment, so that it reaches no log of a proxy.
  if (setupToken !== undefined) {
    lines.push(
      '',
      '  There is no owner yet. Open this link once, within 60 minutes:',
      `  ${url}/setup#token=${setupToken}`,
    )
  }
  for (const notice of notices) lines.push(`  Note: ${notice}`)
  console.log(`${lines.join('\n')}\n`)
}
