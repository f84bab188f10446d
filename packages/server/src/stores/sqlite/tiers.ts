/** Lengths of what is rolled up, µs; the numbers of the tiers are stored, never change them. */
export const DAY = 86_400_000_000
export const HOUR = DAY / 24
export const MINUTE = HOUR / 60
export const tiers = { minute: 0, hour: 1, day: 2 } as const
export type Tier = (typeof tiers)[keyof typeof tiers]
export const unitOf: Readonly<Record<Tier, number>> = { 0: MINUTE, 1: HOUR, 2: DAY }
/** The coarsest first. */
export const coarsestFirst: readonly Tier[] = [tiers.day, tiers.hour, tiers.minute]

export function dayOf(at: number): number {
  return Math.floor(at / DAY)
}
