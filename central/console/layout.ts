// The frame of every page: head, navigation, notices. Imported by console's pages alone.
// `html` of ghtml escapes what it is given; `!${…}` takes it raw and is for pieces that `html` has made.
//
// Classes that pages share (assets/console.css): .card .stack .row .field .hint .error .button(.primary .danger .quiet)
// .notice(.good .warn .bad) .pill(.good .warn .bad .busy .idle) .mono .muted .facts (a dl) .list .code .secret
import { html } from 'ghtml'
import { assetUrl } from './assets.ts'

/** What the frame needs of a session; identity's SessionView has it. */
export type FrameSession = { email: string; role: string; csrf: string }

export type Section = 'servers' | 'approvals' | 'audit' | 'settings' | 'account'

export type Page = {
  title: string
  /** Without a session the page is a single narrow column with no navigation. */
  session?: FrameSession | undefined
  active?: Section
  /** HTML made by `html`. */
  body: string
  /** Names of files in assets/, loaded with defer in this order. */
  scripts?: readonly string[]
  /** Actions that wait for a decision; shown beside Approvals. */
  pending?: number
}

const SECTIONS: readonly { id: Section; href: string; label: string; ownerOnly?: true }[] = [
  { id: 'servers', href: '/', label: 'Servers' },
  { id: 'approvals', href: '/approvals', label: 'Approvals' },
  { id: 'audit', href: '/audit', label: 'Audit' },
  { id: 'settings', href: '/settings', label: 'Settings', ownerOnly: true },
]

export function page({ title, session, active, body, scripts = [], pending = 0 }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<title>${title} · mttrly</title>
<link rel="icon" href="${assetUrl('mark.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${assetUrl('console.css')}">
!${['console.js', ...scripts].map((name) => html`<script src="${assetUrl(name)}" defer></script>`)}
</head>
<body class="${session ? 'signed-in' : 'signed-out'}">
<a class="skip" href="#main">Skip to content</a>
!${session ? topBar(session, active, pending) : brandBar()}
<main id="main" tabindex="-1">!${body}</main>
</body>
</html>
`
}

/** The hidden field that every form carries. */
export const csrfField = (session: { csrf: string }): string =>
  html`<input type="hidden" name="csrf" value="${session.csrf}">`

function brandBar(): string {
  return html`<header class="bar"><div class="bar-inner"><span class="brand">!${MARK} mttrly</span></div></header>`
}

function topBar(session: FrameSession, active: Section | undefined, pending: number): string {
  const sections = SECTIONS.filter((section) => !section.ownerOnly || session.role === 'owner')
  return html`<header class="bar"><div class="bar-inner">
<a class="brand" href="/">!${MARK} mttrly</a>
<nav aria-label="Sections"><ul>!${sections.map(
    ({ id, href, label }) =>
      html`<li><a class="tab" href="${href}" !${id === active ? 'aria-current="page"' : ''}>${label}!${id === 'approvals' ? badge(pending) : ''}</a></li>`,
  )}</ul></nav>
<div class="who">
<a href="/account" title="${session.email}" !${active === 'account' ? 'aria-current="page"' : ''}><span class="who-email">${session.email}</span></a>
<form method="post" action="/sign-out">!${csrfField(session)}<button class="button quiet small">Sign out</button></form>
</div>
</div></header>`
}

function badge(pending: number): string {
  if (pending === 0) return '<span id="pending" data-live></span>'
  const count = pending > 99 ? '99+' : String(pending)
  return html`<span id="pending" data-live><span class="badge">${count}<span class="unseen"> waiting</span></span></span>`
}

const MARK =
  '<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><rect width="24" height="24" rx="6"/><path d="M5 16V9.5l3.5 4 3.5-4 3.5 4 3.5-4V16"/></svg>'
