// What an approval about a file shows: the change as the host's own diff, what the file is and what it will be.
import { html } from 'ghtml'
import type { FileSpec } from '../../domain/action.ts'
import { bytes, duration, facts, notice } from '../format.ts'
import { exact } from '../visible.ts'
import { argvOf } from './host-work.ts'

const linesOf = (diff: string): string =>
  diff === ''
    ? 'No line differs.'
    : html`!${diff
        .split('\n')
        .map((line) => exact(line))
        .join('\n')}`

export function fileChange({ kind, plan, argv, timeout_ms }: FileSpec): string {
  const { path, diff, size, attributes, canUndo } = plan
  const writes = kind === 'write_file'
  return html`!${canUndo ? '' : notice('warn', '<p><strong>The file goes for good.</strong> It is too large to be kept for undoing.</p>')}
!${diff ? html`<pre class="code command" tabindex="0" aria-label="Change, as a diff">!${linesOf(diff.text)}</pre><p class="hint">Secrets in it are redacted, and may differ nevertheless.${diff.leftOut > 0 ? ` ${diff.leftOut} more lines are not shown.` : ''}</p>` : notice('warn', '<p><strong>There is no diff.</strong> One side is no text, or is too long to be compared.</p>')}
!${facts([
    ['Path', html`<code class="wrap-anywhere">!${exact(path)}</code>`],
    ['Now', size.before === undefined ? 'No such file' : bytes(size.before)],
    ['Then', writes ? bytes(size.after ?? 0) : 'No such file'],
    ['Mode', writes ? html`<code>${attributes.mode.toString(8).padStart(4, '0')}</code>` : undefined],
    ['Owner', writes ? html`user ${attributes.uid}, group ${attributes.gid}` : undefined],
    ['Run as root', argvOf(argv)],
    ['Time limit', duration(timeout_ms)],
  ])}`
}
