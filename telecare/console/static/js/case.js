// @ts-check
// The case: live, with commands that do not leave the page, and typed text that survives whatever happens.
import { command, post } from './api.js'
import { watchClaim } from './claim.js'
import { all, byId, morph } from './dom.js'
import { followElsewhere } from './elsewhere.js'
import { onKeys } from './keys.js'
import { findByWord } from './outcome.js'
import { toggleKeys, TYPED } from './page.js'
import { fetched, GoneError } from './picture.js'
import { writeTimes } from './time.js'

const HIDE_CODE_MS = 60000
const FLAGS = ['reached', 'voice_confirmed', 'take_over']
const NEAR_END_PX = 8
const page = byId('case')
const id = page.dataset.id ?? ''
const log = /** @type {HTMLElement} */ (page.querySelector('.log'))
/** @type {number | undefined} */
let hiding

/** Say what came of a command. @param {string} words */
const tell = (words) => { byId('told').textContent = words }

/** Fetch the case anew; what is typed, chosen or focused stays. @returns {Promise<number>} its number on the board's feed */
async function refresh() {
  const fresh = await fetched(`/alarms/${id}/live`, 'case').catch((error) => {
    // It was another council's, whose cover is over: what one may not see does not stay on the screen.
    if (error instanceof GoneError) location.assign('/')
    throw error
  })
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX
  const closed = page.dataset.hold !== 'closed' && fresh.dataset.hold === 'closed'
  morph(page, fresh)
  if (atEnd) log.scrollTop = log.scrollHeight
  if (closed) tell('This alarm has been closed. What you have not saved here cannot be added any more')
  writeTimes()
  return Number(fresh.dataset.seq)
}

/** Give a command with what a form holds. @param {HTMLFormElement} form @param {HTMLElement | null} button */
async function give(form, button) {
  const name = form.dataset.command ?? ''
  /** @type {Record<string, any>} */
  const body = Object.fromEntries(new FormData(form))
  if (button?.getAttribute('name')) body[button.getAttribute('name') ?? ''] = button.getAttribute('value')
  delete body.csrf_token
  if ('as_of' in body) body.as_of = Number(page.dataset.version)
  if ('arrive_in_minutes' in body) body.arrive_in_minutes = Number(body.arrive_in_minutes) || null
  for (const flag of FLAGS) if (flag in body) body[flag] = body[flag] === 'true'
  const reply = await command(id, name, body)
  tell(reply.ok ? '' : reply.body.errors?.[0]?.what ?? reply.body.detail)
  if (!reply.ok) return
  for (const field of all('[data-keep]', form)) {
    ;/** @type {HTMLInputElement} */ (field).value = ''
    localStorage.removeItem(place(field))
  }
  if (name === 'close') location.assign('/')
  else await refresh().catch(() => tell('That was done, but the page could not be brought up to date: it tries again'))
}

/** Where the typed text of a field is kept, for this user only. @param {HTMLElement} field @returns {string} */
const place = (field) => `${TYPED}:${document.body.dataset.user}:${field.dataset.keep}`

for (const field of all('[data-keep]')) {
  const box = /** @type {HTMLInputElement} */ (field)
  box.value = box.value || (localStorage.getItem(place(box)) ?? '')
  box.addEventListener('input', () => localStorage.setItem(place(box), box.value))
}

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target)
  if (form.dataset.command) {
    event.preventDefault()
    give(form, event.submitter)
  } else if (form.dataset.premises) {
    event.preventDefault()
    reveal(form)
  }
})

/** Show the code of the key safe for a minute. @param {HTMLFormElement} form */
async function reveal(form) {
  const reply = await post(`/api/v1/premises/${form.dataset.premises}/key-safe/reveal`, { reason: form.reason.value })
  tell(reply.ok ? '' : reply.body.detail)
  byId('key-safe-code').textContent = reply.ok ? reply.body.code : ''
  clearTimeout(hiding)
  hiding = setTimeout(hideCode, HIDE_CODE_MS)
  if (reply.ok) form.reset()
}

/** Hide the code, at the latest when nobody looks at the page any more. */
function hideCode() {
  const shown = document.getElementById('key-safe-code')
  if (shown) shown.textContent = ''
}
addEventListener('pagehide', hideCode)

/** Press a button or go to a field, when it is there to be used. @param {string} key */
function use(key) {
  const target = all(`[data-key="${key}"]`).find((element) => element.offsetParent !== null)
  if (target?.tagName === 'BUTTON') target.click()
  else target?.focus()
}

/** @type {import('./keys.js').Actions} */
const keys = { '/': () => document.getElementById('find')?.focus(), '?': toggleKeys, escape: () => location.assign('/') }
for (const key of 'crhnax') keys[key] = () => use(key)
onKeys(keys)

const outcome = document.getElementById('outcome')
if (outcome) findByWord(/** @type {HTMLSelectElement} */ (outcome))
watchClaim(page, () => command(id, 'renew', {}).then(refresh))
followElsewhere(Number(page.dataset.seq), (change) => { if (change.id === id) refresh().catch(() => {}) }, refresh)
log.scrollTop = log.scrollHeight
if (location.hash) document.getElementById(location.hash.slice(1))?.focus()
