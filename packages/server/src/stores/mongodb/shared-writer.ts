/** What a writer keeps to that is not the only one. */
export interface SharedWriter {
  /** Nobody can have taken this writer for gone, so that what it commits now is seen by all. */
  isSure(): boolean
  /** Time by the server's clock, ms, so that of two points of one time the one that came later is the later one. */
  nowMs(): number
}
