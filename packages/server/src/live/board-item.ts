import type { LiveKind } from '@patchbay/contracts/live'
import { type Item, toMember } from './item.ts'

/** The id that stands for everything of a kind. */
export const everything = '*'

/** What is known of the things of a kind, by id: their JSON and the turn of its last change. Kept while somebody follows one. */
export type Board = Map<string, { text: string; turn: number }>

/** One thing of a board, or all of them. Always told whole; `null` = there is none. */
export class BoardItem implements Item {
  readonly kind: LiveKind
  readonly id: string
  readonly since: number
  private readonly board: Board

  constructor(kind: LiveKind, id: string, since: number, board: Board) {
    this.kind = kind
    this.id = id
    this.since = since
    this.board = board
  }

  get changed(): number {
    let newest = 0
    for (const { turn } of this.entries()) if (turn > newest) newest = turn
    return newest
  }

  whole(): string {
    const members = [...this.entries()].filter(({ text }) => this.id !== everything || text !== 'null')
    if (members.length === 0 && this.id !== everything) return toMember(this.id, 'null')
    return members.map(({ id, text }) => toMember(id, text)).join(',')
  }

  after(from: number, to: number): string {
    const due = [...this.entries()].filter(({ turn }) => turn > from && turn <= to)
    return due.map(({ id, text }) => toMember(id, text)).join(',')
  }

  private *entries(): Generator<{ id: string; text: string; turn: number }> {
    if (this.id === everything) for (const [id, entry] of this.board) yield { id, ...entry }
    else {
      const entry = this.board.get(this.id)
      if (entry) yield { id: this.id, ...entry }
    }
  }
}
