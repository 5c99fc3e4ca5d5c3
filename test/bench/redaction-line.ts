// Line 6: the redactor beside the same rules as one regex after the other.
import { judged, type Line, type Row } from './measure.ts'
import { type BenchRow, benchRedaction } from './redaction.ts'

/** Of one machine's day, so only goals; the ratio and the hits are what must hold. MB of log a second of CPU. */
const ORDINARY_GOAL = 250
const HOSTILE_GOAL = 50

function rowsOf({ name, value, unit, ratio }: BenchRow): Row[] {
  if (name.includes('floor:')) return [{ name, values: [value], unit }]
  if (name.includes('hits')) {
    return [
      judged(
        { name: 'redaction hits, ours / floor', values: [ratio ?? 0], unit: '×', note: 'gate 1' },
        { gate: 1, better: 'higher' },
      ),
    ]
  }
  const goal = name.includes('hostile') ? HOSTILE_GOAL : ORDINARY_GOAL
  const rate = judged({ name, values: [value], unit, note: `goal ${goal}` }, { goal, better: 'higher' })
  if (ratio === undefined) return [rate]
  const gate = { name: 'redaction, ours / one regex after the other', values: [ratio], unit: '×', note: 'gate 5' }
  return [judged(gate, { gate: 5, better: 'higher' }), rate]
}

export async function redactionLine(): Promise<Line> {
  return {
    title: '6. Redaction',
    notes: ['floor: the rules as one regex after the other, on the same logs. Rates are per second of CPU.'],
    rows: (await benchRedaction()).flatMap(rowsOf),
  }
}
