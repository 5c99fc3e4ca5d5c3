// Statements of the busiest paths, built once: Kysely takes longer to build one than SQLite to run it.
import type { Compilable, CompiledQuery } from 'kysely'

/** A statement for these values, in the order in which its SQL names them. */
export type Prepared<Row = unknown> = (values: readonly unknown[]) => CompiledQuery<Row>

/** Compiles `query` now; the values it was built with only hold the places. */
export function prepare<Row>(query: Compilable<Row>): Prepared<Row> {
  const compiled = query.compile()
  const places = compiled.parameters.length
  return (values) => {
    if (values.length !== places) throw new TypeError(`the statement takes ${places} values, not ${values.length}`)
    return { ...compiled, parameters: values }
  }
}
