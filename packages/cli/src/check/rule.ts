import type { Subject } from './subject.ts'

/** `required`: a server refuses the plugin otherwise. `recommended`: what users and admins will miss. `exemplary`: what to be proud of. */
export const tiers = ['required', 'recommended', 'exemplary'] as const
export type Tier = (typeof tiers)[number]
export const isTier = (text: string): text is Tier => tiers.some((tier) => tier === text)

/** One thing that is asked of a plugin. It has a file of its own and a page of its own, docs/plugins/check/<id>.md. */
export interface Rule {
  /** Also the name of its file and of its page. Never changes, since plugins name it in their exemptions. */
  id: string
  tier: Tier
  /** What is asked, in a sentence. */
  asks: string
  /** What is against it, a sentence each that names the place; none = kept. */
  find(subject: Subject): Promise<readonly string[]> | readonly string[]
}

/** Where the page of a rule is, in the repository. */
export const pageOf = (id: string): string => `docs/plugins/check/${id}.md`
