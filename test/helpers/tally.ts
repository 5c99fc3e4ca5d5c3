// A reporter (Node's test runner) that tells how each test ended, a line of JSON each; suites are not tests.
import type { TestEvent } from 'node:test/reporters'

export type Told = { name: string; how: 'passed' | 'failed' | 'skipped'; why?: string }

export default async function* tally(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { name, skip, details } = event.data
    if (skip !== undefined)
      yield line({ name, how: 'skipped', why: typeof skip === 'string' ? skip : 'no reason given' })
    else if (event.type === 'test:fail' && isOwn(event.data)) yield line({ name, how: 'failed' })
    else if (event.type === 'test:pass' && details.type !== 'suite') yield line({ name, how: 'passed' })
  }
}

const line = (told: Told): string => `${JSON.stringify(told)}\n`

/** Not because something in it failed: that has been told. */
const isOwn = ({ details }: { details: { error?: { cause?: unknown; failureType?: string } } }): boolean =>
  details.error?.failureType !== 'subtestsFailed'
