import type { Log } from '@patchbay/sdk'
import { type Documents, noDocuments } from './document.ts'
import type { Gateway } from './gateway.ts'
import { type ResourceName, resourceNames } from './schemas.ts'
import type { RouteFile } from './standalone.ts'

export interface SourcesOptions {
  gateway: Gateway
  file: RouteFile | undefined
  /** Of config.yaml. */
  problems(): readonly string[]
  /** Told of each new configuration. `isWhole`: no file is missing from it. */
  onApplied(isWhole: boolean): void
  log: Log
  health(state: 'ok' | 'degraded', why?: string): void
}

/** The file's objects and those of the Admin API together, the file's first. */
export interface Sources {
  /** Reads the file again where it has changed. */
  poll(): Promise<void>
  /** Objects of the Admin API as they are now. */
  replace(stored: Documents): void
  /** The file owns this object. */
  isOwnedByFile(resource: ResourceName, id: string): boolean
  readonly fromFile: Documents
  /** Both together, as they are served. */
  readonly all: Documents
}

const shownProblems = 5

export function createSources({ gateway, file, problems, onApplied, log, health }: SourcesOptions): Sources {
  let fromFile = noDocuments()
  let fileProblems: readonly string[] = []
  let stored = noDocuments()
  let said = ''
  let isRead = false

  const say = (all: readonly string[]): void => {
    const text = all.slice(0, shownProblems).join('; ')
    if (text === said) return
    said = text
    if (all.length === 0) return health('ok')
    for (const problem of all) log.warn('the gateway’s configuration has a fault', { problem })
    health('degraded', all.length > shownProblems ? `${text}; and ${all.length - shownProblems} more` : text)
  }
  let all = noDocuments()
  let applied: readonly string[] = []
  const check = (): void =>
    say([...problems(), ...(file?.problem === undefined ? [] : [file.problem]), ...fileProblems, ...applied])
  const apply = (): void => {
    all = {
      stream_routes: new Map([...stored.stream_routes, ...fromFile.stream_routes]),
      upstreams: new Map([...stored.upstreams, ...fromFile.upstreams]),
      services: new Map([...stored.services, ...fromFile.services]),
      ssls: new Map([...stored.ssls, ...fromFile.ssls]),
    }
    applied = gateway.configure(all)
    onApplied(!file || isRead)
    check()
  }
  return {
    get fromFile() {
      return fromFile
    },
    get all() {
      return all
    },
    async poll() {
      const read = await file?.poll()
      if (!read) return check()
      isRead = true
      fromFile = read.documents
      fileProblems = read.problems
      const counts = Object.fromEntries(resourceNames.map((name) => [name, read.documents[name].size]))
      log.info('the gateway took its routes from apisix.yaml', counts)
      apply()
    },
    replace(documents) {
      stored = documents
      apply()
    },
    isOwnedByFile: (resource, id) => fromFile[resource].has(id),
  }
}
