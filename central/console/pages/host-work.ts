// What an approval about an installation shows: the plan of a repair as a diff, an update and the servers that follow.
import { html } from 'ghtml'
import { diffOf } from '#proto/contract/installation.ts'
import type { ActionSpec } from '../../domain/action.ts'
import { count, duration, facts, notice } from '../format.ts'
import { exact } from '../visible.ts'

type Repair = Extract<ActionSpec, { kind: 'repair_install' }>
type Update = Extract<ActionSpec, { kind: 'update_agent' }>

export const argvOf = (argv: readonly string[]): string =>
  html`!${argv.map((word) => html`<code class="word">!${exact(word)}</code>`).join(' ')}`

export const repair = ({ plan, argv, timeout_ms }: Repair): string =>
  html`!${plan.strategy === 'uninstall' ? notice('warn', '<p><strong>Everything of the agent goes.</strong> The server will be offline.</p>') : ''}
!${
    plan.drifts.length === 0
      ? ''
      : html`<pre class="code command" tabindex="0" aria-label="Plan, as a diff">!${diffOf(plan)
          .map((line) => exact(line))
          .join(
            '\n',
          )}</pre><p class="hint">${count(plan.drifts.length, 'difference')}, all of them shown: <code>-</code> is what is there now, <code>+</code> what will be.</p>`
  }
!${facts([
    ['Strategy', html`<code>${plan.strategy}</code>`],
    ['Parts', plan.parts.length === 0 ? undefined : html`${plan.parts.join(', ')}`],
    ['Run as root', argvOf(argv)],
    ['Time limit', duration(timeout_ms)],
  ])}`

/** @param names of servers, as HTML */
export function update(
  { version, manifest, rollout, argv, timeout_ms }: Update,
  names: (id: string) => string,
): string {
  return html`!${facts([
    ['Version', html`<code>!${exact(version)}</code>`],
    ['Manifest SHA-256', html`<code class="wrap-anywhere">${manifest}</code>`],
    ['Run as root', argvOf(argv)],
    ['Time limit', duration(timeout_ms)],
    ['Waves', rollout && html`${rollout.share} % of the servers below, at most ${rollout.max_in_flight} at once`],
  ])}!${rollout ? html`<h3>${count(rollout.server_ids.length, 'server')} will follow when the first has succeeded</h3><ol class="stack tight">!${rollout.server_ids.map((id) => html`<li>!${names(id)} <code class="muted small">${id}</code></li>`)}</ol>` : ''}`
}
