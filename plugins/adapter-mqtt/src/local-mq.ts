interface Carried {
  readonly topic: string
}

type Notify<P> = (packet: P, done: () => void) => void

/**
 * The emitter of aedes on one node, with the face of mqemitter: there is one listener to everything, and nobody to match topics for.
 * What goes to other nodes goes there from the router, whose copies are durable before the acknowledgement.
 */
export class LocalMq<P extends Carried> {
  #hear: Notify<P> | undefined

  on(topic: string, notify: Notify<P>, done?: () => void): this {
    if (topic === '#') this.#hear = notify
    if (done !== undefined) setImmediate(done)
    return this
  }

  emit(packet: P, done: () => void = nothing): this {
    // what aedes tells other nodes of itself
    if (this.#hear === undefined || packet.topic.startsWith('$SYS/')) done()
    else this.#hear(packet, done)
    return this
  }

  removeListener(_topic: string, _notify: Notify<P>, done: () => void = nothing): this {
    setImmediate(done)
    return this
  }

  close(done: () => void): this {
    this.#hear = undefined
    setImmediate(done)
    return this
  }
}

const nothing = () => undefined
