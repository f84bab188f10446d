import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricOptions {
  name: string
  help: string
  labels?: readonly string[]
}
export type Labels = Record<string, string | number>

/** All that the platform knows of its metrics library, so that another can take its place. */
export interface Metrics {
  counter(options: MetricOptions): { add(by?: number, labels?: Labels): void }
  gauge(options: MetricOptions): { set(value: number, labels?: Labels): void }
  histogram(options: MetricOptions & { buckets?: readonly number[] }): { observe(value: number, labels?: Labels): void }
  /** Runs before each scrape: for values that are read, not counted. */
  collect(read: () => void | Promise<void>): void
  /** Prometheus' text format. */
  text(): Promise<{ type: string; body: string }>
}

/**
 * The process's own figures (memory, CPU, event loop delay, GC) are in from the start; `process: false` leaves them out. `more` is text that
 * others have.
 */
export const createMetrics = (options: { process?: boolean; more?: () => string } = {}): Metrics => {
  const registry = new Registry()
  const readers: (() => void | Promise<void>)[] = []
  if (options.process ?? true) collectDefaultMetrics({ register: registry })
  const common = ({ name, help, labels = [] }: MetricOptions) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  })
  return {
    counter(of) {
      const counter = new Counter(common(of))
      return { add: (by = 1, labels = {}) => counter.inc(labels, by) }
    },
    gauge(of) {
      const gauge = new Gauge(common(of))
      return { set: (value, labels = {}) => gauge.set(labels, value) }
    },
    histogram(of) {
      const histogram = new Histogram({ ...common(of), ...(of.buckets ? { buckets: [...of.buckets] } : {}) })
      return { observe: (value, labels = {}) => histogram.observe(labels, value) }
    },
    collect: (read) => void readers.push(read),
    async text() {
      await Promise.all(readers.map(async (read) => read()))
      return { type: registry.contentType, body: (await registry.metrics()) + (options.more?.() ?? '') }
    },
  }
}
