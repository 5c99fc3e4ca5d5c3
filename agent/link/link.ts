// The door of the room that speaks with Central: one outbound stream, opened again whenever it is lost. It may import
// only the contract; app.ts hands it handlers that are already wrapped by the journal. No zod here: this code runs for months.
import type { Hello } from '#proto/gen/mttrly/agent/v1/Hello.ts'
import type { Credentials } from '../identity/identity.ts'
import type { Connect } from './connect.ts'
import { attemptsAfter, HOPELESS_CAP_MS, type LinkEvent, type LinkState, nextState, waitBefore } from './reconnect.ts'
import type { Renewal } from './renewal.ts'
import { openSession, type Session, type SessionRooms } from './session.ts'
import { type Trouble, troubleOf } from './trouble.ts'

const RENEWAL_CHECK_MS = 3_600_000
/** A renewed certificate waits this long for requests to end before it takes over the stream. */
const IDLE_WAIT_MS = 60_000
const IDLE_LOOK_MS = 250

export type Link = ReturnType<typeof createLink>

export function createLink(
  rooms: SessionRooms & {
    connect: Connect
    hello(): Hello
    renewal: Renewal
    random(): number
    /** Told of each state that it comes to, and of what only a person can mend. */
    onState?: ((state: LinkState, trouble: Trouble | undefined) => void) | undefined
  },
) {
  const { connect, clock, log, renewal } = rooms
  let state: LinkState = 'idle'
  let session: Session | undefined
  let waiting: { wake(): void } | undefined
  let attempts = 0

  const move = (event: LinkEvent, trouble?: Trouble): void => {
    const next = nextState(state, event)
    if (next === state) return
    state = next
    rooms.onState?.(state, trouble)
  }
  /** What happens while stopping no longer matters. */
  const moveUnlessStopped = (event: LinkEvent, trouble?: Trouble): void => {
    if (state !== 'stopped') move(event, trouble)
  }

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      waiting = {
        wake() {
          clearTimeout(timer)
          resolve()
        },
      }
    })

  /** Ends the stream once nothing is under way on it, so that the next one is opened with the candidate. */
  const takeOver = async (of: Session): Promise<void> => {
    for (let waited = 0; waited < IDLE_WAIT_MS && !of.idle(); waited += IDLE_LOOK_MS)
      await new Promise((resolve) => setTimeout(resolve, IDLE_LOOK_MS).unref())
    of.end()
  }

  const renew = (on: Session): void => {
    const request = renewal.request()
    if (request) on.send(request)
  }

  const beUp = async (current: Session, candidate: Credentials | undefined): Promise<void> => {
    move('welcomed')
    renewal.opened(candidate)
    log.info({}, 'connected to Central')
    renew(current)
    const timer = setInterval(() => renew(current), RENEWAL_CHECK_MS)
    await current.over
    clearInterval(timer)
  }

  /** One stream, from the first byte to the last. @returns how it ended, and whether a candidate waits to be tried */
  const connectOnce = async (): Promise<{ reason: string; met: boolean; upFor: number; renewed: boolean }> => {
    const { identity, candidate } = renewal.next()
    let renewed = false
    const { stream, met, close } = connect({ address: identity.linkAddress, ...identity })
    const current = openSession(
      stream,
      { ...rooms.hello(), authorities: renewal.believes() },
      {
        onCertificate(certificatePem) {
          renewed = renewal.received(certificatePem)
          if (renewed) void takeOver(current)
        },
        onTrust(caPem) {
          if (!renewal.trust(caPem)) return
          current.send({ trusted: { authorities: renewal.believes() } })
          renew(current)
        },
      },
      rooms,
    )
    session = current
    const welcomed = await Promise.race([current.welcomed.then(() => true), current.over.then(() => false)])
    const since = clock.now()
    if (welcomed && state !== 'stopped') await beUp(current, candidate)
    const reason = await current.over
    session = undefined
    close()
    return { reason, met: met(), upFor: welcomed ? clock.now() - since : 0, renewed }
  }

  return {
    state: (): LinkState => state,
    /** Resolves when it has been stopped. */
    async run(): Promise<void> {
      move('start')
      while (state !== 'stopped') {
        const { reason, met, upFor, renewed } = await connectOnce()
        if (renewed && state === 'up') {
          move('renewed')
          continue
        }
        const trouble = troubleOf({ reason, met, valid: renewal.valid(), now: clock.now() })
        moveUnlessStopped('lost', trouble)
        if (state === 'waiting') {
          const ms = waitBefore(attempts, rooms.random, trouble && HOPELESS_CAP_MS)
          attempts = attemptsAfter(attempts, upFor)
          log.warn({ reason, retry_ms: ms, ...trouble }, 'not connected to Central')
          await pause(ms)
          moveUnlessStopped('due')
        }
      }
    },
    stop(): void {
      move('stop')
      session?.end()
      waiting?.wake()
    },
  }
}
