import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refused, type Session } from '@patchbay/sdk'
import type { HttpConfig } from './config.ts'
import { refuse } from './errors.ts'
import type { createPolls } from './polls.ts'
import { pathUnknown, sendProblem } from './problem.ts'

export interface DeviceReads {
  config: HttpConfig
  polls: ReturnType<typeof createPolls>
  /** Aborted when the plugin stops. */
  signal: AbortSignal
}

/** Answers what a device may GET: its commands and its desired shadow. */
export async function readForDevice(
  reads: DeviceReads,
  session: Session,
  asked: { topic: string; query: URLSearchParams },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const [root, id, area, last, ...rest] = asked.topic.split('/')
  if (root !== 'devices' || !id || rest.length > 0) return sendProblem(reply, request, pathUnknown)
  if (area === 'commands' && last === undefined) {
    const waitMs = toWaitMs(asked.query.get('wait'), reads.config.maxWaitSeconds)
    await mustBe(session, id, `devices/${id}/commands/+`)
    return takeCommands(reads, session, id, waitMs, reply)
  }
  if (area === 'shadow' && last === 'desired') {
    await mustBe(session, id, asked.topic)
    return reply.type('application/json').send(JSON.stringify(await session.desiredShadow()))
  }
  return sendProblem(reply, request, pathUnknown)
}

function toWaitMs(text: string | null, maxSeconds: number): number {
  if (text === null) return 0
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN
  if (seconds <= maxSeconds) return seconds * 1000
  throw refuse('HTTP_WAIT', `wait must be a whole number of seconds from 0 to ${maxSeconds}.`)
}

async function mustBe(session: Session, id: string, filter: string): Promise<void> {
  const decision = await session.authorize('subscribe', filter)
  if (!decision.allowed) throw new Refused('forbidden', 'TOPIC_FORBIDDEN', decision.step, decision.detail)
  if (session.principal.kind !== 'device' || session.principal.id !== id) throw refuse('HTTP_NOT_A_DEVICE')
}

async function takeCommands(
  { polls, signal }: DeviceReads,
  session: Session,
  id: string,
  waitMs: number,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const leave = polls.enter(id)
  const over = new AbortController()
  const abort = () => over.abort()
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  reply.raw.once('close', abort)
  try {
    const commands = await session.takeCommands({ waitMs, signal: over.signal })
    if (commands.length > 0) return reply.type('application/json').send(JSON.stringify(commands))
    session.alive()
    return reply.code(204).send()
  } catch (error) {
    if (signal.aborted) throw refuse('HTTP_STOPPING', undefined, error)
    // The client has gone: nobody hears the answer.
    if (over.signal.aborted) return reply.hijack()
    throw error
  } finally {
    leave()
    signal.removeEventListener('abort', abort)
    reply.raw.off('close', abort)
  }
}
