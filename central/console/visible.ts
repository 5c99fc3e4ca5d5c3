// Untrusted text made visible: what a person reads is what is there, and nothing can hide in it, reorder it or push
// it out of sight. Pure. Two strengths: `exact` for what will run, `prose` for what somebody says about it.
//
// A token such as \u{202e} stands for one character that is not shown as itself; \u{20×12} for twelve of them in a
// row. Tokens cannot be forged: a literal backslash before `u{` is itself shown as a token.
import { html } from 'ghtml'

/** What is not printable ASCII; a forged token; spaces nobody would see, or so many that they push the rest away. */
const NOT_EXACT = /([^\x20-\x7e])\1*|\\(?=u\{)| {8,}| +(?=\n|$)/gu

/** Controls, format and bidi marks, lone surrogates, private and unassigned characters, odd spaces, invisible letters,
 * and the third and later marks piled on one letter. */
const NOT_PROSE =
  /((?![\n\t])[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|(?<=\p{M}\p{M})\p{M})\1*|\\(?=u\{)/gu

/**
 * HTML of text that will run, character for character: all but printable ASCII is a token, and a line still ends where it
 * ends. Text longer than `max`, where that is given, ends with a statement of how much is left out.
 */
export function exact(text: string, max?: number): string {
  const { shown, more } = cut(text, max)
  return render(shown, NOT_EXACT) + more
}

/** Colours of a terminal (ECMA-48 SGR): they only decorate, and are left out. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what begins them
const COLOURS = /\u001b\[[\d;:]*m/g

/** HTML of a host's output, for a `pre`: lines and tabs stay, letters of every language too. */
export const output = (text: string): string => render(text.replaceAll('\r\n', '\n').replace(COLOURS, ''), NOT_PROSE)

/** HTML of what somebody wrote, in any language, kept from reordering what stands around it; `max` as in `exact`. */
export function prose(text: string, max?: number): string {
  const { shown, more } = cut(text, max)
  return html`<bdi>!${render(shown, NOT_PROSE)}</bdi>!${more}`
}

function cut(text: string, max: number | undefined): { shown: string; more: string } {
  if (max === undefined || text.length <= max) return { shown: text, more: '' }
  const characters = [...text]
  const left = characters.length - max
  if (left <= 0) return { shown: text, more: '' }
  return {
    shown: characters.slice(0, max).join(''),
    more: html` <span class="muted">[${left} more characters not shown]</span>`,
  }
}

/** How many characters of the text are neither printable ASCII nor a line end or tab, so that a page can say it in words. */
export const unusual = (text: string): number => text.match(/[^\x20-\x7e\n\t]/gu)?.length ?? 0

function render(text: string, special: RegExp): string {
  const pieces: string[] = []
  let from = 0
  for (const match of text.matchAll(special)) {
    pieces.push(html`${text.slice(from, match.index)}`, token(match[0]))
    from = match.index + match[0].length
  }
  pieces.push(html`${text.slice(from)}`)
  return pieces.join('')
}

/** `run` is one character, once or repeated. */
function token(run: string): string {
  const char = String.fromCodePoint(run.codePointAt(0) ?? 0)
  const count = run.length / char.length
  const kind = char === '\n' || char === '\t' || char === ' ' ? 'visible plain' : 'visible'
  const name = `\\u{${char.codePointAt(0)?.toString(16)}${count > 1 ? `×${count}` : ''}}`
  return html`<span class="${kind}">${name}</span>${char === '\n' ? '\n' : ''}`
}
