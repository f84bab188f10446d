let nowMs = 0

const forget = (): void => {
  nowMs = 0
}

/** Milliseconds since 1970, asked once a turn of the event loop: one message may be checked for a hundred subscribers. */
export function turnNowMs(): number {
  if (nowMs === 0) {
    nowMs = Date.now()
    setImmediate(forget)
  }
  return nowMs
}
