// What pages do beyond standing still: times in the reader's words, copying, and parts that keep up with the server.
// Every page works without it.
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

document.documentElement.classList.add('scripted')

// Times: the server writes UTC; here they become the reader's own.
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'long' })

function age(ms) {
  if (ms < 5000) return 'just now'
  if (ms < MINUTE) return ago.format(-Math.floor(ms / 1000), 'second')
  if (ms < HOUR) return ago.format(-Math.floor(ms / MINUTE), 'minute')
  if (ms < DAY) return ago.format(-Math.floor(ms / HOUR), 'hour')
  return ago.format(-Math.floor(ms / DAY), 'day')
}

function left(ms) {
  if (ms <= 0) return 'no time left'
  const seconds = Math.floor(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`
}

const STYLES = {
  moment: (at) => moment.format(at),
  age: (at) => (Date.now() - at > 7 * DAY ? moment.format(at) : age(Date.now() - at)),
  left: (at) => left(at - Date.now()),
}

function tellTimes() {
  for (const element of document.querySelectorAll('time[data-style]')) {
    const text = STYLES[element.dataset.style]?.(Date.parse(element.dateTime))
    if (text !== undefined && element.textContent !== text) element.textContent = text
  }
}

// Copying.
document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-copy]')
  if (!button) return
  const source = document.getElementById(button.dataset.copy)
  const label = button.textContent
  try {
    await navigator.clipboard.writeText(source.textContent)
    button.textContent = 'Copied'
  } catch {
    getSelection().selectAllChildren(source)
    button.textContent = 'Selected: copy it with the keyboard'
  }
  setTimeout(() => {
    button.textContent = label
  }, 2000)
})

// Parts that keep up: the page is asked for again, and each part that came out different is put in its place. A part
// that the server would write in the same way is left alone, so that nothing being typed is lost; data-live may hold a
// word of its own to go by (a form that shows an error is not the form that the server would write).
const written = new Map()
const markOf = (part) => part.dataset.live || part.innerHTML

function remember(root) {
  for (const part of root.querySelectorAll('[data-live][id]')) {
    if (!written.has(part.id)) written.set(part.id, markOf(part))
  }
}

function replace(fresh) {
  for (const part of document.querySelectorAll('[data-live][id]')) {
    const next = fresh.getElementById(part.id)
    if (!next) continue
    const mark = markOf(next)
    if (written.get(part.id) === mark) continue
    written.set(part.id, mark)
    if (next.dataset.state) part.dataset.state = next.dataset.state
    part.replaceChildren(...next.childNodes)
  }
  tellTimes()
}

let asking = false
let again = false

async function refresh() {
  if (asking) {
    again = true
    return
  }
  asking = true
  try {
    const from = document.querySelector('[data-live-from]')?.dataset.liveFrom ?? location.href
    const answer = await fetch(from, { headers: { accept: 'text/html' } })
    // Signed out meanwhile. Not a reload: that would send the form again whose answer this page may be.
    if (new URL(answer.url).pathname === '/sign-in') return location.assign(answer.url)
    if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), 'text/html'))
    await followOutput()
  } catch {
    // Central is away; the next tick asks again.
  } finally {
    asking = false
  }
  if (again) {
    again = false
    refresh()
  }
}

// Output of a run, as it grows.
const OUTPUT_SHOWN = 1_000_000
let next = 0
let following = false

async function followOutput() {
  const box = document.querySelector('[data-output]')
  const state = document.getElementById('state')?.dataset.state
  if (!box || following || state === 'pending_approval' || state === 'approved') return
  following = true
  try {
    for (let more = true; more; ) {
      const answer = await fetch(`${box.dataset.output}?from=${next}`)
      if (!answer.ok) return
      const stretch = await answer.json()
      more = stretch.more && stretch.next > next
      showOutput(box, stretch)
      if (next > OUTPUT_SHOWN) more = false
    }
  } finally {
    following = false
  }
}

function showOutput(box, stretch) {
  const pre = box.querySelector('pre')
  const atEnd = running() && pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 8
  if (stretch.next > next && next <= OUTPUT_SHOWN) {
    box.hidden = false
    pre.insertAdjacentHTML('beforeend', stretch.html)
    if (atEnd) pre.scrollTop = pre.scrollHeight
  }
  next = stretch.next
  if (next > OUTPUT_SHOWN)
    box.querySelector('[data-output-note]').textContent =
      'The beginning of the output. Save it as a file to read all of it.'
}

const running = () => ['running', 'approved'].includes(document.getElementById('state')?.dataset.state)

// News: a stream while the page is in sight (a browser has few connections to spare), and now and then without it.
let stream

function listen() {
  if (stream || document.hidden) return
  const id = /^\/approvals\/([^/]+)$/.exec(location.pathname)?.[1]
  stream = new EventSource(id ? `/events?action=${id}` : '/events')
  stream.addEventListener('change', refresh)
  stream.addEventListener('tick', refresh)
}

function stopListening() {
  stream?.close()
  stream = undefined
}

remember(document)
tellTimes()
setInterval(tellTimes, 1000)
if (document.body.classList.contains('signed-in')) {
  listen()
  followOutput().catch(() => {})
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return stopListening()
    listen()
    refresh()
  })
  addEventListener('pagehide', stopListening)
  const fast = document.querySelector('[data-live-fast]')
  setInterval(() => {
    if (document.hidden) return
    if (fast || running()) refresh()
  }, 1000)
  setInterval(() => {
    if (!document.hidden && stream?.readyState !== EventSource.OPEN) refresh()
  }, 10_000)
}
