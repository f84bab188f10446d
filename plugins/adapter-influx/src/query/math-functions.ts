/** Functions of one row. */
export const mathFunctions: ReadonlyMap<string, (...of: number[]) => number> = new Map<
  string,
  (...of: number[]) => number
>([
  ['abs', (x = 0) => Math.abs(x)],
  ['acos', (x = 0) => Math.acos(x)],
  ['asin', (x = 0) => Math.asin(x)],
  ['atan', (x = 0) => Math.atan(x)],
  ['atan2', (y = 0, x = 0) => Math.atan2(y, x)],
  ['ceil', (x = 0) => Math.ceil(x)],
  ['cos', (x = 0) => Math.cos(x)],
  ['exp', (x = 0) => Math.exp(x)],
  ['floor', (x = 0) => Math.floor(x)],
  ['ln', (x = 0) => Math.log(x)],
  ['log', (x = 0, base = 0) => Math.log(x) / Math.log(base)],
  ['log10', (x = 0) => Math.log10(x)],
  ['log2', (x = 0) => Math.log2(x)],
  ['pow', (x = 0, y = 0) => x ** y],
  // Halves go away from zero, as in Go.
  ['round', (x = 0) => Math.sign(x) * Math.round(Math.abs(x))],
  ['sin', (x = 0) => Math.sin(x)],
  ['sqrt', (x = 0) => Math.sqrt(x)],
  ['tan', (x = 0) => Math.tan(x)],
])
