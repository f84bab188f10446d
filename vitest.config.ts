import { defineConfig } from 'vitest/config'

const folders = ['packages/*/{src,test}', 'plugins/*/{src,test}', 'console/src', 'bench', 'test']
const all = folders.map((folder) => `${folder}/**/*.test.ts`)
/** Suites beside their source: what they read is read once for all of them, and none may leave anything behind. */
const beside = ['packages/*/src', 'plugins/*/src', 'console/src'].map((folder) => `${folder}/**/*.test.ts`)
/** Suites that measure time or memory against a limit: they run one by one, after all others, so that nothing disturbs them. */
const quiet = folders.map((folder) => `${folder}/**/*.quiet.test.ts`)
const never = ['**/node_modules/**', '**/dist/**']

/** Or a thread that starts may end the process: the same as in packages/server/src/start.js. */
const execArgv = ['--wasm-wrapper-tiering-budget=2147483647']

export default defineConfig({
  test: {
    execArgv,
    // The pages that are served are those of the sources: about 20 ms when nothing changed.
    globalSetup: ['./console/build.mjs', './test/compile-cache.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    pool: 'forks',
    reporters: ['default', './scripts/totals-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'beside',
          include: beside,
          exclude: [...never, ...quiet],
          isolate: false,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'whole',
          include: all,
          exclude: [...never, ...quiet, ...beside],
          // Whole processes are started and killed by some suites; more files at once than cores, and those that wait for a time run out of it.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'quiet',
          include: quiet,
          exclude: never,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
