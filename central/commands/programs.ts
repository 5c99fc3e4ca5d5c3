import type { Program } from '#proto/verbs/rules.ts'
import { VERB_PROGRAMS } from '#proto/verbs/verbs.ts'
import { FILE_PROGRAMS } from './programs/files.ts'
import { NETWORK_PROGRAMS } from './programs/network.ts'
import { PACKAGE_PROGRAMS } from './programs/packages.ts'
import { PROCESS_PROGRAMS } from './programs/processes.ts'
import { SYSTEM_PROGRAMS } from './programs/system.ts'
import { TEXT_PROGRAMS } from './programs/text.ts'

/**
 * All programs that may run without approval. A program that starts another one (env, timeout, xargs, sudo …), that
 * talks to the network, or that rewrites text so that no redactor recognises a secret, has no place here.
 */
export const PROGRAMS: ReadonlyMap<string, Program> = new Map(
  [
    FILE_PROGRAMS,
    TEXT_PROGRAMS,
    SYSTEM_PROGRAMS,
    PROCESS_PROGRAMS,
    NETWORK_PROGRAMS,
    PACKAGE_PROGRAMS,
    VERB_PROGRAMS,
  ].flatMap((family) => Object.entries(family)),
)
