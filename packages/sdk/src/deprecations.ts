/** A part of the plugin API that goes away. It still works; whoever uses it is told, in the log and on the plugin’s page. */
export interface Deprecation {
  /**
   * What it is: a member as a plugin writes it, `ctx.every` or `ctx.sessions.relay`; or `api` and a range of versions, such as `api 1.0`, for
   * plugins whose manifest takes one of them.
   */
  readonly name: string
  /** The version of the plugin API that it is deprecated from: a minor. */
  readonly since: string
  /** The version that it is gone in: a major. */
  readonly gone: string
  /** What to do instead, as a sentence. */
  readonly instead: string
}

/** All that is deprecated now. A member in this list has an `@deprecated` in its comment, too. */
export const deprecations: readonly Deprecation[] = []
