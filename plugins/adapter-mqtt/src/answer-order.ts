interface Slot {
  answer: (() => void) | undefined
}

/**
 * Acknowledgements leave in the order in which the messages came, whatever order they settle in. [MQTT-4.6.0-2]
 */
export class AnswerOrder {
  readonly #slots: Slot[] = []

  /** Takes the next place; the function it returns gives the answer for it. */
  take(): (answer: () => void) => void {
    const slot: Slot = { answer: undefined }
    this.#slots.push(slot)
    return (answer) => {
      slot.answer = answer
      this.#drain()
    }
  }

  #drain(): void {
    while (this.#slots[0]?.answer !== undefined) {
      const answer = this.#slots.shift()?.answer
      answer?.()
    }
  }
}
