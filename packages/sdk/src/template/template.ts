import type { Liquid } from 'liquidjs'

/** Characters of a template. */
export const maxTemplateChars = 16_384
/** Characters of what it renders. */
export const maxRenderedChars = 65_536
/** Milliseconds that one rendering may take. */
export const renderMs = 50
/** In liquid's own count: characters and items that its filters make. */
export const maxRenderUnits = 1_000_000

/** A template that cannot be parsed, or that fails or breaks a limit while it renders. */
export class BadTemplate extends Error {
  override readonly name = 'BadTemplate'
  /** It took too long, which a busy machine may be to blame for: trying again may help. */
  readonly slow: boolean
  constructor(message: string, options: ErrorOptions & { slow?: boolean } = {}) {
    super(message, options)
    this.slow = options.slow ?? false
  }
}

/** How values are put into the text. */
export interface TemplateOptions {
  /** Makes a value's text harmless in the target's language. Left out: the target is plain text. */
  escape?: (text: string) => string
}

/** A template that was read without fault. */
export interface Template {
  /** Throws BadTemplate. */
  render(values: object): string
}

/** Tags that would read other templates: there are none. */
const fileTags = ['include', 'render', 'layout', 'block'] as const

// One engine per way of escaping; they are few, and functions of modules.
const engines = new Map<unknown, Promise<Liquid>>()

const toText = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(toText).join('')
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return value.toString()
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : ''
}

const makeEngine = async (escape: ((text: string) => string) | undefined): Promise<Liquid> => {
  // Loaded when the first template is: most installations have no channel, and it costs megabytes.
  const { Liquid } = await import('liquidjs')
  const engine = new Liquid({
    parseLimit: maxTemplateChars,
    renderLimit: renderMs,
    memoryLimit: maxRenderUnits,
    ownPropertyOnly: true,
    strictFilters: true,
    // Partials come from this empty list, never from the file system.
    templates: {},
    outputEscape: (value: unknown) => (escape === undefined ? toText(value) : escape(toText(value))),
  })
  for (const tag of fileTags) Reflect.deleteProperty(engine.tags, tag)
  return engine
}

const engineOf = (escape: ((text: string) => string) | undefined): Promise<Liquid> => {
  const engine = engines.get(escape) ?? makeEngine(escape)
  engines.set(escape, engine)
  return engine
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * A Liquid template. Values are escaped for the target as they are put in, so that what a device sent is text there and never markup;
 * `| raw` after a filter of its own, such as `{{ alert.value | json | raw }}`, turns that off for one place. Throws BadTemplate.
 *
 * @example
 * const subject = await compileTemplate('{{ headline }}')
 * subject.render(toValues(notification))
 */
export async function compileTemplate(source: string, { escape }: TemplateOptions = {}): Promise<Template> {
  if (source.length > maxTemplateChars)
    throw new BadTemplate(`The template has ${source.length} characters; ${maxTemplateChars} is the limit.`)
  const engine = await engineOf(escape)
  const parsed = attempt(() => engine.parse(source))
  return {
    render(values) {
      const text: unknown = attempt(() => engine.renderSync(parsed, values))
      if (typeof text !== 'string') return ''
      if (text.length > maxRenderedChars)
        throw new BadTemplate(`The template rendered ${text.length} characters; ${maxRenderedChars} is the limit.`)
      return text
    },
  }
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const text = textOf(cause)
    throw new BadTemplate(text, { cause, slow: text.includes('template render limit') })
  }
}
