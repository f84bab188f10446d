/**
 * A port that opens when the instance goes live; what is answered closes it again, or leaves it shut when the instance is not live yet.
 */
export function openWhenLive(whenLive: (go: () => void) => void, open: () => () => Promise<void>): () => Promise<void> {
  let close: (() => Promise<void>) | undefined
  let unwanted = false
  whenLive(() => {
    if (!unwanted) close = open()
  })
  return async () => {
    unwanted = true
    await close?.()
  }
}
