import { DIGITS, flagsOf, type Programs, type Rule } from '#proto/verbs/rules.ts'

/*
 * Programs that show lines of text. They may choose and order whole lines, never cut or rewrite them: a secret whose
 * key, beginning or shape is cut away passes the redactor. So no `cut -c`, no `head -c`, no `grep -o`, no `cat -v`, no
 * colours inside a match; no xxd, od, base64, rev, tr, tac, fold, sed, awk, strings at all.
 */

const COLOR_OFF = ['never', 'auto']

const grep: Rule = {
  flags: `${flagsOf('EFGPivwxcnHhlLqsaIrRyzTZ')} --extended-regexp --fixed-strings --basic-regexp --perl-regexp
    --ignore-case --no-ignore-case --invert-match --word-regexp --line-regexp --count --line-number --with-filename
    --no-filename --files-with-matches --files-without-match --quiet --silent --no-messages --text --recursive
    --dereference-recursive --line-buffered`.replaceAll(/\s+/g, ' '),
  values: {
    '-e': 'text',
    '--regexp': 'text',
    '-m': 'number',
    '--max-count': 'number',
    '-A': 'number',
    '-B': 'number',
    '-C': 'number',
    '--after-context': 'number',
    '--before-context': 'number',
    '--context': 'number',
    '--include': 'text',
    '--exclude': 'text',
    '--exclude-dir': 'text',
  },
  attached: { '--color': COLOR_OFF, '--colour': COLOR_OFF },
  count: true,
  leading: ['text'],
  noLeadingWith: ['-e', '--regexp'],
  rest: 'read',
  treeWith: ['-r', '-R', '--recursive', '--dereference-recursive'],
}

const lines: Rule = {
  flags: '-q -v -z --quiet --silent --verbose',
  values: { '-n': signedNumber, '--lines': signedNumber },
  count: true,
  rest: 'read',
}

/** `5`, `+5` (tail), `-5` (head: all but the last five). */
function signedNumber(word: string): boolean {
  const digits = word.startsWith('+') || word.startsWith('-') ? word.slice(1) : word
  return digits.length > 0 && [...digits].every((char) => DIGITS.includes(char))
}

/** Fields from the first on, without a hole: what stands before a value in its line stays before it. */
function leadingFields(word: string): boolean {
  const [first, last, ...more] = word.split('-')
  return first === '1' && more.length === 0 && (last === undefined || last === '' || signedNumber(last))
}

function hasOptionsFirst(args: readonly string[]): boolean {
  const first = args.findIndex((arg) => !arg.startsWith('-'))
  return first < 0 || args.slice(first).every((arg) => !arg.startsWith('-'))
}

export const TEXT_PROGRAMS: Programs = {
  cat: {
    flags: `${flagsOf('bnsu')} --number --number-nonblank --squeeze-blank`,
    rest: 'read',
  },
  head: lines,
  tail: lines,
  grep,
  egrep: grep,
  fgrep: grep,
  zcat: { rest: 'read', min: 1 },
  wc: { flags: `${flagsOf('clmLw')} --lines --words --bytes --chars --max-line-length`, rest: 'read' },
  sort: {
    flags: `${flagsOf('bdfghiMnRrVsuzcCm')} --numeric-sort --reverse --unique --human-numeric-sort --version-sort
      --ignore-case --ignore-leading-blanks --general-numeric-sort --month-sort --stable`.replaceAll(/\s+/g, ' '),
    values: { '-k': 'text', '--key': 'text', '-t': 'text', '--field-separator': 'text' },
    rest: 'read',
  },
  // The second operand of uniq is a file that it writes, and some read `-c` behind the first as that file.
  uniq: {
    flags: `${flagsOf('cdDiuz')} --count --repeated --ignore-case --unique`,
    values: { '-f': 'number', '-s': 'number', '-w': 'number', '--skip-fields': 'number', '--skip-chars': 'number' },
    leading: ['read'],
    check: hasOptionsFirst,
  },
  cut: {
    flags: '-s --only-delimited',
    values: {
      '-d': [' ', ':', ',', ';', '\t', '|'],
      '--delimiter': [' ', ':', ',', ';', '\t', '|'],
      '-f': leadingFields,
      '--fields': leadingFields,
    },
    needs: ['-f', '--fields'],
    rest: 'read',
  },
  column: { flags: '-t --table' },
  // Given two directories, diff prints the files in them; so only whether they differ.
  diff: { flags: '-q --brief', needs: ['-q', '--brief'], leading: ['read', 'read'], min: 2 },
  cmp: { flags: '-s --silent --quiet', leading: ['read', 'read'], min: 2 },
  echo: { style: 'words', flags: '-n -e -E -ne -en', rest: 'text' },
  printf: { style: 'words', leading: [isPlainFormat], rest: 'text', min: 1 },
  true: {},
  false: {},
}

/** Letters of printf conversions that only print; `%n` and `-v` assign, and an assigned subscript can run a command. */
const PRINTING = 'sdiuxXofeEgGc%'

function isPlainFormat(format: string): boolean {
  if (format.startsWith('-')) return false
  for (let at = format.indexOf('%'); at >= 0; at = format.indexOf('%', at + 1)) {
    at++
    while (at < format.length && '-+ 0123456789.'.includes(format[at] as string)) at++
    if (at >= format.length || !PRINTING.includes(format[at] as string)) return false
  }
  return true
}
