import type { Reporter, TestModule } from 'vitest/node'

/** Prints `N passed, N failed, N skipped` as the very last line, and before it the name of every suite that was skipped. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const totals = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    const skipped: string[] = []
    for (const module of modules) {
      let ran = 0
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'pending') continue
        totals[state]++
        if (state === 'skipped') skipped.push(test.fullName)
        ran++
      }
      // A file that fails before its tests are known has none to count.
      if (ran === 0 && !module.ok()) totals.failed++
    }
    process.on('exit', () => {
      for (const name of skipped) console.log(`skipped: ${name}`)
      console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`)
    })
  }
}
