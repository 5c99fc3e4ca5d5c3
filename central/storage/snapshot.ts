// The schema as all migrations leave it, for people to read and for a test to compare.
// `node central/storage/snapshot.ts` writes schema.snapshot.sql anew.
import { writeFileSync } from 'node:fs'
import { sql } from 'kysely'
import { systemClock } from '../domain/clock.ts'
import { openDatabase } from './database.ts'

export const SNAPSHOT = new URL('./schema.snapshot.sql', import.meta.url)

/** Tables, then indexes, by name. */
export async function dumpSchema(): Promise<string> {
  const db = await openDatabase({ url: 'sqlite::memory:', clock: systemClock })
  const { rows } = await sql<{ text: string }>`
    select sql as text from sqlite_schema where sql is not null order by type desc, name
  `.execute(db.kysely)
  await db.close()
  return `-- Written by central/storage/snapshot.ts from the migrations; never edited.\n\n${rows.map(({ text }) => tidy(text)).join('\n')}`
}

/** Without the indentation that the text has in its migration. */
const tidy = (text: string): string =>
  `${text
    .split('\n')
    .map((line) => line.trim())
    .map((line, index) => (index === 0 || line.startsWith(')') ? line : `  ${line}`))
    .join('\n')};\n`

if (import.meta.main) writeFileSync(SNAPSHOT, await dumpSchema())
