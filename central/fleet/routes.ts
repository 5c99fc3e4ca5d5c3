// The enrolment door: the one HTTP route that an agent uses, once.
import type { FastifyInstance } from 'fastify'
import { ENROLMENT_PATH, EnrolmentRequest } from '#proto/contract/enrolment.ts'
import { CatalogueError } from '#proto/contract/errors.ts'
import type { Clock } from '../domain/clock.ts'
import type { Fleet } from './fleet.ts'

const BODY = 8 * 1024
/** Refused attempts of one address within the window. Successful ones are not counted: a rack enrols at once. */
const ATTEMPTS = 10
const WINDOW = 60_000
const ADDRESSES = 10_000

export function registerFleetRoutes(app: FastifyInstance, rooms: { fleet: Pick<Fleet, 'enrol'>; clock: Clock }): void {
  const throttle = createThrottle(rooms.clock)
  app.post(ENROLMENT_PATH, { bodyLimit: BODY }, async (request, reply) => {
    throttle.check(request.ip)
    reply.header('cache-control', 'no-store')
    try {
      const parsed = EnrolmentRequest.safeParse(request.body)
      if (!parsed.success)
        throw new CatalogueError('VALIDATION_ERROR', { field: parsed.error.issues[0]?.path.join('.') })
      return await rooms.fleet.enrol(parsed.data)
    } catch (error) {
      throttle.count(request.ip)
      throw error
    }
  })
}

/** In memory and bounded: it slows guessing down, and 256 random bits make it hopeless. */
function createThrottle(clock: Clock) {
  const windows = new Map<string, { refused: number; endsAt: number }>()
  return {
    /** @throws CatalogueError RATE_LIMITED */
    check(address: string): void {
      const window = windows.get(address)
      if (!window || window.endsAt <= clock.now() || window.refused < ATTEMPTS) return
      throw new CatalogueError('RATE_LIMITED', { retry_after_s: Math.ceil((window.endsAt - clock.now()) / 1_000) })
    },
    count(address: string): void {
      const now = clock.now()
      const window = windows.get(address)
      if (window && window.endsAt > now) {
        window.refused++
        return
      }
      windows.delete(address)
      const [oldest] = windows.keys()
      if (windows.size >= ADDRESSES && oldest !== undefined) windows.delete(oldest)
      windows.set(address, { refused: 1, endsAt: now + WINDOW })
    },
  }
}
