import type { CDPSession, Page } from 'playwright-core'

// What runs inside the page is text: the platform's own types know no document.

/** Collects tasks longer than 50 ms from now on. */
export const watchTasks = (page: Page): Promise<void> =>
  page.evaluate(`{
    globalThis.tasks = []
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })
  }`)
export const longestTask = (page: Page): Promise<number> => page.evaluate('Math.max(0, ...tasks)')

/** On a page that does nothing else: how long the machine leaves a page waiting for its turn, which no page can help. */
export const watchStalls = (page: Page): Promise<void> =>
  page.evaluate(`{
    globalThis.stall = 0
    let last = performance.now()
    setInterval(() => {
      const now = performance.now()
      stall = Math.max(stall, now - last - 10)
      last = now
    }, 10)
  }`)
export const longestStall = (page: Page): Promise<number> => page.evaluate('((worst) => ((stall = 0), worst))(stall)')

/** Used after a full collection, MB. */
export const heapMb = async (session: CDPSession): Promise<number> => {
  await session.send('HeapProfiler.collectGarbage')
  return (await session.send('Runtime.getHeapUsage')).usedSize / 1e6
}

/** Moves the pointer over an element with each picture, as a hand does, and counts for a second how many come. */
export const countFrames = (page: Page, selector: string, at: { x: number; y: number; reach: number }) =>
  page.evaluate<number>(`new Promise((resolve) => {
    const target = document.querySelector(${JSON.stringify(selector)})
    const began = performance.now()
    let frames = 0
    const step = () => {
      const elapsed = performance.now() - began
      if (elapsed >= 1000) return resolve((frames * 1000) / elapsed)
      frames++
      const clientX = ${at.x} + ${at.reach} * Math.sin(elapsed / 300)
      target.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY: ${at.y}, shiftKey: true, bubbles: true }))
      requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  })`)
