import { isRefused, type Log, type RefusedError, type Session, type Sessions } from '@patchbay/sdk'
import { type Answer, answer, contentFormats, problem, toErrorAnswer, toJsonAnswer, uintOption } from './answer.ts'
import { type Asked, toAsked } from './asked.ts'
import type { Downloads } from './downloads.ts'
import type { Echo } from './echo.ts'
import type { Endpoint } from './endpoint.ts'
import { coapRefusals } from './errors.ts'
import { type Identity, toIdentity } from './identity.ts'
import type { Message } from './message.ts'
import type { Observers } from './observers.ts'
import { isBadRequest, type Request, toRequest } from './request.ts'
import { protocol, type RequestSessions } from './request-sessions.ts'
import { assertOwn, type Resource, toResource } from './resource.ts'
import type { Uploads } from './uploads.ts'
import { toDirectory } from './well-known.ts'

export interface HandlerParts {
  sessions: Pick<Sessions, 'refuse'>
  requestSessions: RequestSessions
  observers: Observers
  uploads: Uploads
  downloads: Downloads
  echo: Echo
  log: Log
  /** Aborted when the plugin stops. */
  signal: AbortSignal
}

const get = '0.01'
const post = '0.02'

/** Who asks for what, once it is known. */
interface Known {
  request: Request
  endpoint: Endpoint
  asked: Asked
  identity: Identity
}

/** Answers requests: what they mean to the platform. */
export function createRequestHandler(parts: HandlerParts) {
  const { requestSessions, observers, uploads, downloads, echo, log } = parts

  async function handle(message: Message, size: number, endpoint: Endpoint): Promise<Answer | undefined> {
    const request = toRequest(message, size)
    if (isBadRequest(request)) {
      // "Unrecognized options of class 'critical' that occur in a Non-confirmable message MUST cause the message to be rejected" (5.4.1)
      if (message.type === 'non' && request.code === '4.02') return undefined
      return limited(problem(request.code, request.detail), message, size, endpoint)
    }
    echo.hear(request, endpoint)
    let topic: string | undefined
    try {
      const asked = toAsked(request)
      topic = asked.topic
      const given = await route({ request, endpoint, asked, identity: toIdentity(asked.query, endpoint) })
      return echo.limit(given, request, endpoint)
    } catch (error) {
      if (isRefused(error)) record(request.code, endpoint, error, topic)
      const [given, isFault] = toErrorAnswer(error)
      if (isFault) log.error('a request failed', { error })
      return echo.limit(given, request, endpoint)
    }
  }

  /** A request that could not be read has no Echo either. */
  const limited = (given: Answer, { token }: Message, size: number, endpoint: Endpoint): Answer =>
    echo.limit(given, { size, token }, endpoint)

  async function route(known: Known): Promise<Answer> {
    const { request, asked } = known
    if (request.code === post) return asked.topic === 'provision' ? provision(known) : publish(known)
    if (request.code !== get) return problem('4.05', 'METHOD_UNKNOWN: POST publishes, GET reads.')
    if (asked.topic === '.well-known/core') return directory(known)
    const found = toResource(asked.levels)
    if (!found) return problem('4.04', 'PATH_UNKNOWN: Messages are sent with POST.')
    const { accept } = request
    // "the preferred Content-Format cannot be returned (…) 4.06" (section 5.10.4)
    if (accept !== undefined && accept !== contentFormats.json) return problem('4.06', 'This is application/json.')
    return read(known, found.resource, found.device)
  }

  /** Answered with what goes to `provision/response` elsewhere. */
  const provision = ({ request, endpoint, identity }: Known): Promise<Answer> => {
    // A request is taken once: its answer must not be kept back from who has to prove his address first.
    if (!echo.isKnown(endpoint)) return Promise.resolve(echo.challenge(endpoint))
    return requestSessions.use(identity, endpoint, async (session) => {
      const downloadKey = `${identity.key} provision`
      if (request.block2 && request.block2.number > 0) {
        const next = downloads.next(downloadKey, request.block2)
        return next ?? problem('4.04', 'BLOCK_GONE: The answer is not kept any more. Ask again.')
      }
      const taken = uploads.take(`${identity.key} ${request.tag} provision`, endpoint.address, request)
      if ('answer' in taken) return taken.answer
      const how = request.contentFormat === contentFormats.cbor ? { contentType: 'application/cbor' } : {}
      const options = [...uploads.optionsOf(request), uintOption('Content-Format', contentFormats.json)]
      const whole = answer('2.04', options, Buffer.from(await session.provision(taken.body, how)))
      return downloads.begin(downloadKey, whole, request.block2)
    })
  }

  const publish = ({ request, endpoint, asked, identity }: Known): Promise<Answer> =>
    requestSessions.use(identity, endpoint, async (session) => {
      const key = `${identity.key} ${request.tag} ${asked.topic}`
      const taken = uploads.take(key, endpoint.address, request)
      if ('answer' in taken) {
        session.alive()
        return taken.answer
      }
      await session.publish(asked.topic, taken.body, {
        qos: request.confirmable ? 1 : 0,
        ...(asked.query.get('retain') === 'true' ? { retain: true } : {}),
        ...(request.contentFormat === contentFormats.cbor ? { contentType: 'application/cbor' } : {}),
      })
      return answer('2.04', uploads.optionsOf(request))
    })

  async function read(known: Known, resource: Resource, device: string): Promise<Answer> {
    const { request, endpoint, identity } = known
    const downloadKey = `${identity.key} ${resource} ${device}`
    const asked = request.block2
    if (asked && asked.number > 0) {
      // Proves itself as for the first block.
      const next = await requestSessions.use(identity, endpoint, async () => downloads.next(downloadKey, asked))
      if (next) return next
      if (resource === 'commands') return problem('4.04', 'BLOCK_GONE: The commands are not kept any more. Ask again.')
    } else if (request.observe === 0) return observe(known, resource, device, downloadKey)
    if (request.observe === 1) observers.remove(endpoint, resource)
    // Commands that were read count as delivered with the next read: whoever only pretends to be there must not take them.
    if (resource === 'commands' && !echo.isKnown(endpoint)) return echo.challenge(endpoint)
    return requestSessions.use(identity, endpoint, async (session) => {
      assertOwn(session, device)
      return downloads.begin(downloadKey, toJsonAnswer(await valueOf(session, resource)), asked)
    })
  }

  const valueOf = async (session: Session, resource: Resource): Promise<unknown> =>
    resource === 'shadow' ? session.desiredShadow() : session.takeCommands({ waitMs: 0, signal: parts.signal })

  async function observe(known: Known, resource: Resource, device: string, downloadKey: string): Promise<Answer> {
    const { request, endpoint, identity } = known
    // Proves itself before anything is kept for it.
    const value = await requestSessions.use(identity, endpoint, async (session) => {
      assertOwn(session, device)
      // Open commands follow as notifications, so that each is acknowledged.
      return resource === 'shadow' ? session.desiredShadow() : []
    })
    const sequence = await observers.add({ endpoint, identity, token: request.token, resource, device, downloadKey })
    return downloads.begin(downloadKey, toJsonAnswer(value, [uintOption('Observe', sequence)]), request.block2)
  }

  const directory = async ({ request, endpoint, identity }: Known): Promise<Answer> => {
    if (request.accept !== undefined && request.accept !== contentFormats.linkFormat) {
      return problem('4.06', 'This is application/link-format.')
    }
    const { credentials } = identity
    const device =
      credentials.kind === 'none'
        ? undefined
        : await requestSessions.use(identity, endpoint, async ({ principal }) =>
            principal.kind === 'device' ? principal.id : undefined,
          )
    const whole = answer(
      '2.05',
      [uintOption('Content-Format', contentFormats.linkFormat)],
      Buffer.from(toDirectory(device)),
    )
    return downloads.begin(`${identity.key} core`, whole, request.block2)
  }

  /** A refusal of our own is recorded by us; core has recorded its own already. */
  function record(code: string, endpoint: Endpoint, refused: RefusedError, topic: string | undefined): void {
    if (!(refused.code in coapRefusals) || refused.reason === 'unavailable') return
    const { proved, address } = endpoint
    parts.sessions.refuse(
      { protocol, address },
      {
        action: code === get ? 'subscribe' : 'publish',
        ...(topic === undefined ? {} : { topic }),
        ...(proved ? { device: proved.deviceId } : {}),
        refused,
      },
    )
  }

  return handle
}
