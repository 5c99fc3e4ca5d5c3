// How what an engine lists is printed: a table, its rows as JSON, or their first column. The commands of verbs.ts use it.
// Text that may hold a secret is cleaned before it is cut to a column.
import type { Asked } from './asked.ts'
import { shortId } from './containers.ts'
import { jsonLines, type Row, short, table } from './print.ts'
import type { Asking } from './questions.ts'

export type Answer = (asked: Asked, asking: Asking) => Promise<string>
export type Rows = (asked: Asked, asking: Asking) => Promise<Row[]>

/** A table, its rows as JSON, or their first column alone (-q). */
export const listing =
  (columns: Readonly<Record<string, string>>, read: Rows): Answer =>
  async (asked, asking) => {
    const rows = asking.clean.whole(await read(asked, asking)) as Row[]
    if (asked.has('-q', '--quiet')) return rows.map((row) => `${row[Object.keys(columns)[0] ?? '']}\n`).join('')
    if (asked.json) return jsonLines(rows)
    return table(
      columns,
      rows.map((row) => cut(row, asked)),
    )
  }

/** As the program does it: a command line is long. */
const cut = (row: Row, asked: Asked): Row =>
  asked.has('--no-trunc')
    ? row
    : {
        ...row,
        ...(row.Command && { Command: short(row.Command, 22) }),
        ...(row.CreatedBy && { CreatedBy: short(row.CreatedBy, 45) }),
      }

export const idOf = (id: string, asked: Asked): string => (asked.has('--no-trunc') ? id : shortId(id))
