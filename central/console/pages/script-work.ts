// What an approval of a script shows: all of it, and how it is started.
import { html } from 'ghtml'
import type { ScriptSpec } from '../../domain/action.ts'
import { count, duration, facts, notice } from '../format.ts'
import { exact, unusual } from '../visible.ts'
import { argvOf } from './host-work.ts'

export function scriptRun({ script, argv, cwd, timeout_ms }: ScriptSpec): string {
  const odd = unusual(script.text)
  const hidden = script.kind === 'managed' ? script.redactions : 0
  return html`<pre class="code command" tabindex="0" aria-label="Script, exactly">!${exact(script.text)}</pre>
<p class="hint">${count(Buffer.byteLength(script.text), 'byte')}, all of it shown here.</p>
!${hidden > 0 ? notice('warn', html`<p><strong>${count(hidden, 'secret')} of it ${hidden === 1 ? 'is' : 'are'} redacted.</strong> The hash is that of the script itself.</p>`) : ''}
!${odd > 0 ? notice('warn', html`<p><strong>${count(odd, 'character')} ${odd === 1 ? 'is' : 'are'} not plain ASCII</strong> and may look like something else.</p>`) : ''}
!${facts([
    ['Script', script.kind === 'managed' ? html`<code class="wrap-anywhere">!${exact(script.path)}</code>` : 'Inline'],
    ['SHA-256', script.kind === 'managed' ? html`<code class="wrap-anywhere">${script.sha256}</code>` : undefined],
    ['Run as root', argvOf(argv)],
    ['In', html`<code>!${exact(cwd)}</code>`],
    ['Time limit', duration(timeout_ms)],
  ])}`
}
