import { kinds, type Batch } from '../telemetry/port.ts'

const firstCapacity = 64

const isText = (kind: number | undefined): boolean => kind === kinds.text || kind === kinds.json

/**
 * A batch while it grows. Rows are written one after the other and taken back when their message is refused in the middle. Its
 * buffers go to the store for good, so each group has its own.
 */
export class Columns {
  length = 0
  /** Characters held in `text`. */
  textLength = 0
  private capacity: number
  private series: Uint32Array
  private at: Float64Array
  private kind: Uint8Array
  private number: Float64Array
  private readonly text: string[] = []

  constructor(capacity = firstCapacity) {
    this.capacity = capacity
    this.series = new Uint32Array(capacity)
    this.at = new Float64Array(capacity)
    this.kind = new Uint8Array(capacity)
    this.number = new Float64Array(capacity)
  }

  addNumber(series: number, at: number, value: number): void {
    const row = this.row(series, at)
    this.kind[row] = kinds.number
    this.number[row] = value
  }

  addBoolean(series: number, at: number, value: boolean): void {
    const row = this.row(series, at)
    this.kind[row] = kinds.boolean
    this.number[row] = value ? 1 : 0
  }

  addText(series: number, at: number, value: string, json: boolean): void {
    const row = this.row(series, at)
    this.kind[row] = json ? kinds.json : kinds.text
    this.text.push(value)
    this.textLength += value.length
  }

  /** Takes back the rows after `length`. */
  truncate(length: number): void {
    while (this.length > length) {
      const kind = this.kind[--this.length]
      if (kind === kinds.text || kind === kinds.json) this.textLength -= this.text.pop()?.length ?? 0
    }
  }

  /** Reads back the rows after `mark`; `text` is empty for numbers and booleans. */
  readFrom(
    mark: number,
    visit: (series: number, at: number, kind: number, number: number, text: string) => void,
  ): void {
    let texts = 0
    for (let row = mark; row < this.length; row++) if (isText(this.kind[row])) texts++
    let next = this.text.length - texts
    for (let row = mark; row < this.length; row++) {
      const kind = this.kind[row] ?? kinds.number
      const text = isText(kind) ? (this.text[next++] ?? '') : ''
      visit(this.series[row] ?? 0, this.at[row] ?? 0, kind, this.number[row] ?? 0, text)
    }
  }

  toBatch(): Batch {
    const { length, series, at, kind, number, text } = this
    return { length, series, at, kind, number, text }
  }

  /** The same rows in buffers of their own, for after the others were given away. */
  copy(): Batch {
    const { length, text } = this
    return {
      length,
      series: this.series.slice(0, length),
      at: this.at.slice(0, length),
      kind: this.kind.slice(0, length),
      number: this.number.slice(0, length),
      text,
    }
  }

  private row(series: number, at: number): number {
    if (this.length === this.capacity) this.grow()
    const row = this.length++
    this.series[row] = series
    this.at[row] = at
    this.number[row] = 0
    return row
  }

  private grow(): void {
    this.capacity *= 2
    const { series, at, kind, number } = this
    this.series = new Uint32Array(this.capacity)
    this.at = new Float64Array(this.capacity)
    this.kind = new Uint8Array(this.capacity)
    this.number = new Float64Array(this.capacity)
    this.series.set(series)
    this.at.set(at)
    this.kind.set(kind)
    this.number.set(number)
  }
}
