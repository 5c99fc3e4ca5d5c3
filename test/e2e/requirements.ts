// What was promised, as data. A test says which promise it verifies; coverage.test.ts fails when one has no test.
import { type TestContext, type TestOptions, test } from 'node:test'

export const REQUIREMENTS = {
  'commands:a-read-answers-at-once': 'A read-only command answers in the call itself, without approval.',
  'commands:a-change-waits': 'Anything else waits for a person, and nothing of it happens before.',
  'commands:long-reads-become-actions': 'A read-only run that prints much or takes long becomes an action with an id.',
  'approvals:asking-again-runs-nothing': 'Repeating a call makes a new action and runs nothing.',
  'approvals:no-tool-or-key-approves': 'Neither approve_action nor an API key makes anything run.',
  'approvals:only-a-fresh-second-factor': 'A wrong or used code, another digest or a foreign form decides nothing.',
  'approvals:get-never-approves': 'Looking at the page decides nothing.',
  'approvals:what-ran-is-what-was-shown': 'The bytes that a person was shown are the bytes that ran.',
  'approvals:one-of-two-wins': 'Of two who decide at once, one wins.',
  'approvals:rejected-and-cancelled-never-run': 'A rejected or cancelled action never runs.',
  'approvals:expire': 'After 30 minutes nobody can approve an action any more.',
  'approvals:signed-hosts-run-only-what-was-signed':
    'A host in signed mode runs what one of its own approvers has signed, and nothing else, whoever is Central.',
  'results:paged': 'Long output is kept with the action and paged to the client without a gap.',
  'results:live': 'Output can be read while the command runs.',
  'runs:the-tree-ends': 'Cancel and time-out end the whole process tree of a run.',
  'runs:survivors-are-reported': 'What could not be ended is reported.',
  'runs:once-or-not-at-all': 'A crash of agent, lane or Central at any point never makes a command run twice.',
  'runs:the-answer-is-true': 'The final answer is true; unknown only where it cannot be known.',
  'runs:nothing-later-by-surprise': 'What was approved for a server that is away does not run later by surprise.',
  'secrets:never-leave-the-host': 'A secret in output is in no answer, record, database file or log.',
  'audit:says-it-all': 'Who asked, who decided, what ran and how it ended stand in the audit log.',
  'audit:verify': 'The audit log can be checked here and offline, and a changed byte is noticed.',
  'errors:catalogue': 'Each error carries the catalogue’s text and what to do next.',
  'errors:bad-input': 'Bad input gets its code, and nothing is done by half.',
  'errors:dead-database': 'A dead database or a full disk answers CONNECTION_ERROR; nothing runs unrecorded.',
  'fleet:a-thousand-agents': 'A thousand agents stay connected to one Central, and no queue grows without bound.',
  'fleet:restart': 'After a restart of Central all agents are back.',
  'sandbox:holds-alone': 'Without the classifier the read lane alone keeps the host as it is.',
  'sandbox:hides-secrets': 'The read lane cannot read secrets of the host, the agent or Central.',
  'up:one-ready-line': 'npm run up prints one line of JSON once the agent is online.',
  'up:keeps-everything': 'Stopping, killing and starting again keeps everything.',
  'up:says-what-is-wrong': 'A port in use is said in one clear line.',
  'up:owner-and-key-by-script': 'Owner and API key can be made by a script.',
} as const satisfies Record<string, string>

export type RequirementId = keyof typeof REQUIREMENTS

/** Promises that are verified where their room is tested. */
export const VERIFIED_ELSEWHERE: Record<string, string> = {
  'OAuth 2.1 from discovery to a call': 'test/central/oauth/flow.test.ts',
  'Both protocol generations, from one endpoint': 'test/central/mcp/clients.test.ts',
  'The official conformance suite': 'test/conformance/conformance.test.ts',
  'The same records on SQLite and PostgreSQL': 'test/central/storage/database.test.ts',
  'Rooms import what the table allows': 'test/architecture/rooms.test.ts',
  'The catalogue holds all tools': 'test/architecture/catalog.test.ts',
  'The console in a real browser': 'test/central/console/browser.test.ts',
}

/** A test that shows that a promise is kept. */
export function verifies(
  ids: RequirementId | readonly RequirementId[],
  name: string,
  run: (t: TestContext) => Promise<void>,
  options: TestOptions = {},
): void {
  const of = typeof ids === 'string' ? [ids] : ids
  test(`${name} (${of.join(', ')})`, options, run)
}
