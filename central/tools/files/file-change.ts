// What writing and deleting a file share: the plan of the host, what is run there, and the words of the approval.
import type { FileAnswer } from '#proto/contract/files.ts'
import type { FileSpec } from '../../domain/action.ts'
import { plainText } from '../../domain/text.ts'
import { onHost } from '../fleet/installation.ts'

type Plan = FileAnswer<'plan'>

const TIME_LIMIT = 60_000
const UNCHANGED = 'If the file is not as it was when this was asked, nothing is changed.'

export const specOf = (kind: FileSpec['kind'], server_id: string, plan: Plan, args: readonly string[]): FileSpec => ({
  kind,
  server_id,
  plan,
  ...onHost(args, TIME_LIMIT),
})

export function wordsOf(does: 'Write' | 'Delete', { path, size, canUndo }: Plan) {
  const what = {
    Write: size.before === undefined ? 'Makes a new file.' : 'Replaces the whole file.',
    Delete: 'Deletes the file.',
  }
  return {
    title: `${does} ${plainText(path)}`,
    effect: `${what[does]} Owner, mode and label stay. ${UNCHANGED}`,
    undo: canUndo
      ? 'The output names an id. "mttrly-agent undo ID" with mttrly_execute_command, which is one more approval, brings back what was there, unless it was changed since.'
      : 'Cannot be undone: the file is too large to be kept.',
  }
}
