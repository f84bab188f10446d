export type Literal = number | string | boolean

export type BinaryOp =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '=~'
  | '!~'
  | 'AND'
  | 'OR'

export type Expr =
  | { kind: 'var'; name: string; as?: string }
  | { kind: 'wildcard'; of?: string }
  | { kind: 'pattern'; pattern: string }
  /** `digits` are those of a whole number, which may be more than a double holds. */
  | { kind: 'literal'; value: Literal; digits?: string }
  | { kind: 'duration'; micros: number }
  | { kind: 'call'; name: string; args: Expr[] }
  | { kind: 'binary'; op: BinaryOp; left: Expr; right: Expr }

export interface Column {
  expr: Expr
  alias?: string
}

/** Where points come from: measurements by name or pattern, or the answer of another query. */
export type From =
  | { kind: 'name'; name: string }
  | { kind: 'pattern'; pattern: string }
  | { kind: 'query'; select: Select }

export type Fill = 'null' | 'none' | 'previous' | 'linear' | number

export interface Limits {
  limit?: number
  offset?: number
  slimit?: number
  soffset?: number
}

export interface Select extends Limits {
  kind: 'select'
  columns: Column[]
  from: From[]
  where?: Expr
  /** Names and patterns of tags; a wildcard is all of them. */
  groupBy: Expr[]
  /** `time(interval, offset)`, µs. */
  interval?: number
  intervalOffset: number
  fill: Fill
  descending: boolean
}

/** What `WITH MEASUREMENT` and `WITH KEY` choose by. */
export type Chosen = { op: '=' | '!='; names: string[] } | { op: '=~' | '!~'; pattern: string }

export type ShowWhat = 'measurements' | 'tag keys' | 'tag values' | 'field keys' | 'series'

export interface Show extends Limits {
  kind: 'show'
  what: ShowWhat
  from: From[]
  with?: Chosen
  where?: Expr
}

export type Statement =
  | Select
  | Show
  | { kind: 'show databases' }
  | { kind: 'show retention policies' }
  /** Everything that makes something: there is nothing to be made. */
  | { kind: 'create'; database?: string }
  | { kind: 'refused'; why: string }
