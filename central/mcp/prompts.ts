// Prompts: what a person can pick in a client's menu instead of typing it.
import type { OfferedPrompt } from './surface.ts'

const say = (text: string) => ({ messages: [{ role: 'user' as const, content: { type: 'text' as const, text } }] })

/** Names come from a person's hand and end in a sentence: one line, and not a long one. */
const oneLine = (text: string | undefined): string => (text ?? '').replace(/\s+/g, ' ').trim().slice(0, 200)

export const PROMPTS: readonly OfferedPrompt[] = [
  {
    listed: {
      name: 'whats_wrong',
      title: 'What is wrong with a server?',
      description:
        'Looks at a server without changing anything, and says what is wrong, how sure that is, and what to do.',
      arguments: [
        { name: 'server', description: 'Name or server_id', required: true },
        { name: 'symptom', description: 'What was noticed, if anything', required: false },
      ],
    },
    get: ({ server, symptom }) =>
      say(
        [
          `Find out what is wrong with the server "${oneLine(server)}".`,
          ...(symptom ? [`What was noticed: ${oneLine(symptom)}`] : []),
          'Find its server_id with mttrly_list_servers. Start with mttrly_quick_triage and mttrly_get_alerts, then use read-only commands only where they answer a question.',
          'Report each finding with how sure you are and the evidence (quote the output). Propose one change at a time and do not ask for it before I have agreed.',
        ].join('\n'),
      ),
  },
  {
    listed: {
      name: 'review_pending',
      title: 'What waits for my approval?',
      description: 'Goes through the actions that wait for a decision, so that a person can decide each of them.',
    },
    get: () =>
      say(
        [
          'List the actions that wait for approval with mttrly_get_pending_actions.',
          'For each: the server, the exact command, who asked and why, what it will change, what could go wrong, and when it expires.',
          'Decide nothing yourself. Give me the approval link of each, and wait.',
        ].join('\n'),
      ),
  },
]
