interface OpenCall {
  /** Ends the call in gRPC's words, as soon as what is in flight is answered. */
  finish(): void
}

/** Streams that are open, so that they can be ended well when the adapter stops. */
export function createOpenCalls() {
  const open = new Set<OpenCall>()
  return {
    /** The answer takes it out again. */
    enter(call: OpenCall): () => void {
      open.add(call)
      return () => void open.delete(call)
    },
    finish(): void {
      for (const call of open) call.finish()
    },
  }
}
export type OpenCalls = ReturnType<typeof createOpenCalls>
