/** A small seeded generator (mulberry32), so that a failing run can be repeated with PATCHBAY_TEST_SEED. */
export const createRandom = (name: string): { seed: number; next: () => number } => {
  const given = process.env['PATCHBAY_TEST_SEED']
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
  console.log(`${name}: seed ${seed}`)
  let state = seed
  return {
    seed,
    next() {
      state = (state + 0x6d2b79f5) | 0
      let t = Math.imul(state ^ (state >>> 15), 1 | state)
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
      return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
    },
  }
}

/** The long form of a suite: `npm run test:long`. */
export const isLong = process.env['PATCHBAY_TEST_LONG'] === '1'
