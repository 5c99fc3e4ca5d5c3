// Small pieces that pages are made of: times, sizes, pills, meters. Pure; everything returns HTML that is escaped.
import { html } from 'ghtml'

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'idle'

export const pill = (tone: Tone, text: string): string => html`<span class="pill ${tone}">${text}</span>`

export const notice = (tone: 'good' | 'warn' | 'bad', body: string): string =>
  html`<div class="notice ${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">!${body}</div>`

/** A moment, in UTC; console.js rewrites it as the reader's own time, and as an age where `age` is asked for. */
export function time(at: number, style: 'moment' | 'age' = 'moment'): string {
  const iso = new Date(at).toISOString()
  const text = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
  return html`<time datetime="${iso}" data-style="${style}" title="${text}">${text}</time>`
}

/** "until 12:54:10 UTC"; console.js makes it "29:54 left" and counts down. */
export function countdown(at: number): string {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}" data-style="left">until ${iso.slice(11, 19)} UTC</time>`
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export function bytes(count: number): string {
  if (count < 1024) return `${count} ${count === 1 ? 'byte' : 'bytes'}`
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10))
  const size = count / 1024 ** step
  return `${size.toFixed(size < 10 ? 1 : 0)} ${UNITS[step]}`
}

const SPANS: readonly [ms: number, name: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
]

/** "3 d 4 h", "2 min 5 s", "140 ms": the two largest parts. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const first = SPANS.findIndex(([span]) => ms >= span)
  const parts = SPANS.slice(first, first + 2).map(([span, name], index) => {
    const rest = index === 0 ? ms : ms % (SPANS[first]?.[0] ?? 1)
    return [Math.floor(rest / span), name] as const
  })
  return parts
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, name]) => `${count} ${name}`)
    .join(' ')
}

export const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`

/** A labelled bar. `part` of `whole`; tones change at 80 and 92 percent. */
export function meter(label: string, part: number, whole: number): string {
  const percent = whole > 0 ? Math.min(100, Math.max(0, Math.round((part / whole) * 100))) : 0
  const tone = percent >= 92 ? ' bad' : percent >= 80 ? ' warn' : ''
  return html`<div class="meter${tone}"><span class="row apart"><span class="muted">${label}</span><span>${percent}%</span></span><svg viewBox="0 0 100 5" preserveAspectRatio="none" aria-hidden="true"><rect width="${percent}" height="5"/></svg></div>`
}

/** A list of names and values; values are HTML, undefined ones are left out. */
export function facts(rows: readonly (readonly [name: string, value: string | undefined])[]): string {
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined)
  return html`<dl class="facts">!${shown.map(([name, value]) => html`<dt>${name}</dt><dd>!${value}</dd>`)}</dl>`
}
