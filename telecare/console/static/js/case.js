// @ts-check
// The case: its state and log live, commands without leaving the page, typed text that survives whatever happens.
import { command, post } from './api.js'
import { onKeys } from './keys.js'
import { follow } from './live.js'
import { serverNow, writeTimes } from './time.js'

const PRESENT_MS = 60000
const RENEW_BEFORE_MS = 120000
const HIDE_CODE_MS = 60000
const page = /** @type {HTMLElement} */ (document.getElementById('case'))
const id = page.dataset.id ?? ''
const me = document.body.dataset.user ?? ''
const told = /** @type {HTMLElement} */ (document.getElementById('told'))
let lastSign = Date.now()
let renewing = false

/** @returns {HTMLElement} the part that the server keeps fresh */
const live = () => /** @type {HTMLElement} */ (document.getElementById('case-live'))

/** Show which commands are mine to give. */
function mark() {
  const { holder, handling } = live().dataset
  page.dataset.mine = String(holder === me)
  page.dataset.others = String(Boolean(holder) && holder !== me)
  page.className = page.className.replace(/ ?is-\w+/g, '') + ` is-${handling}`
  for (const field of document.querySelectorAll('input[name="as_of"]')) {
    if (/** @type {HTMLInputElement} */ (field).value !== '') /** @type {HTMLInputElement} */ (field).value = live().dataset.version ?? ''
  }
}

/** Fetch the state and the log anew; everything that is typed stays. */
async function refresh() {
  const reply = await fetch(`/alarms/${id}/live`)
  if (!reply.ok || reply.redirected) return
  const template = document.createElement('template')
  template.innerHTML = await reply.text()
  const fresh = template.content.getElementById('case-live')
  if (fresh) live().replaceWith(fresh)
  scrollLog()
  writeTimes()
  mark()
}

/** Show the newest line of the log. */
function scrollLog() {
  const log = live().querySelector('.log')
  if (log) log.scrollTop = log.scrollHeight
}

/** Give a command with what a form holds. @param {HTMLFormElement} form @param {HTMLElement | null} button */
async function give(form, button) {
  const name = form.dataset.command ?? ''
  /** @type {Record<string, any>} */
  const body = {}
  for (const [field, value] of new FormData(form)) body[field] = value
  if (button?.getAttribute('name')) body[button.getAttribute('name') ?? ''] = button.getAttribute('value')
  delete body.csrf_token
  body.as_of = body.as_of === '' ? null : Number(live().dataset.version)
  for (const flag of ['reached', 'voice_confirmed', 'take_over']) if (flag in body) body[flag] = body[flag] === 'true'
  const reply = await command(id, name, body)
  told.textContent = reply.ok ? '' : reply.body.detail
  if (!reply.ok) return
  for (const field of form.querySelectorAll('[data-keep]')) {
    ;/** @type {HTMLInputElement} */ (field).value = ''
    localStorage.removeItem(field.getAttribute('data-keep') ?? '')
  }
  if (name === 'close') location.assign('/')
  else await refresh()
}

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target)
  if (!form.dataset.command) return
  event.preventDefault()
  give(form, event.submitter)
})

for (const field of document.querySelectorAll('[data-keep]')) {
  const box = /** @type {HTMLInputElement} */ (field)
  const place = box.dataset.keep ?? ''
  box.value = localStorage.getItem(place) ?? box.value
  box.addEventListener('input', () => localStorage.setItem(place, box.value))
}

document.getElementById('reveal')?.addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = /** @type {HTMLFormElement} */ (event.target)
  const shown = /** @type {HTMLElement} */ (document.getElementById('key-safe-code'))
  const reply = await post(`/api/v1/premises/${form.dataset.premises}/key-safe/reveal`, { reason: form.reason.value })
  told.textContent = reply.ok ? '' : reply.body.detail
  shown.textContent = reply.ok ? reply.body.code : ''
  setTimeout(() => { shown.textContent = '' }, HIDE_CODE_MS)
})

for (const sign of ['keydown', 'pointerdown', 'pointermove']) addEventListener(sign, () => { lastSign = Date.now() }, { passive: true })

/** Renew a claim of mine while I am demonstrably here. */
async function keepClaim() {
  const expires = Date.parse(live().dataset.expires ?? '')
  const here = Date.now() - lastSign < PRESENT_MS && document.visibilityState === 'visible'
  if (renewing || !here || page.dataset.mine !== 'true' || !(expires - serverNow() < RENEW_BEFORE_MS)) return
  renewing = true
  await command(id, 'renew', {})
  await refresh()
  renewing = false
}

/** @type {Record<string, (event: KeyboardEvent) => void>} */
const keys = { escape: () => location.assign('/'), '/': () => document.getElementById('find')?.focus() }
for (const target of document.querySelectorAll('[data-key]')) {
  const key = target.getAttribute('data-key')
  if (!key) continue
  keys[key] = () => {
    const element = /** @type {HTMLElement} */ (target)
    if (element.offsetParent === null) return
    if (element.tagName === 'BUTTON') element.click()
    else element.focus()
  }
}
onKeys(keys)

follow(0, {
  onChange: (change) => { if (change.id === id) refresh() },
  onReload: refresh,
  onState: () => {},
})
setInterval(keepClaim, 5000)
mark()
scrollLog()
if (location.hash) document.getElementById(location.hash.slice(1))?.focus()
