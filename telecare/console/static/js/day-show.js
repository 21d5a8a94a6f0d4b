// @ts-check
// What this phone knows of a visit beyond the server: steps entered and not sent, and what was refused or overtaken.
import { clock } from './day-queue.js'
import { all } from './dom.js'

/** @typedef {import('./day-queue.js').Entry} Entry @typedef {import('./day-queue.js').Queue} Queue */

/** The state of a visit once what waits has arrived. @param {HTMLElement} stop @param {Entry[]} entries @returns {string} */
export function stateOf(stop, entries) {
  if (entries.some((entry) => entry.trouble)) return stop.dataset.state ?? ''
  return entries.findLast((entry) => entry.body.to)?.body.to ?? stop.dataset.state ?? ''
}

/** Show of a visit what can be done in that state: with steps that wait, the one after them. @param {HTMLElement} stop @param {Entry[]} entries */
export function overlay(stop, entries) {
  const state = stateOf(stop, entries)
  for (const part of all('[data-when]', stop)) part.hidden = !(part.dataset.when ?? '').split(' ').includes(state)
  for (const radio of all('.outcomes .check', stop)) {
    const input = /** @type {HTMLInputElement} */ (radio.querySelector('input'))
    input.disabled = radio.hidden
  }
  const stuck = entries.some((entry) => entry.trouble)
  const waiting = new Set(stuck ? [] : entries.map((entry) => entry.body.to))
  for (const mark of all('[data-step]', stop)) {
    if (!waiting.has(mark.dataset.step)) continue
    const sign = /** @type {HTMLElement} */ (mark.querySelector('.mark'))
    sign.textContent = '◔ waits'
  }
  for (const device of all('[data-pairs]', stop)) {
    if (!entries.some((entry) => entry.body.device_id === device.dataset.pairs)) continue
    const sign = /** @type {HTMLElement} */ (device.querySelector('.mark'))
    sign.textContent = '◔ waits'
    for (const form of all('form', device)) form.hidden = true
  }
}

/** List what waits on a visit, and what needs somebody, with both versions. @param {HTMLElement} stop @param {Entry[]} entries */
export function waits(stop, entries) {
  const list = /** @type {HTMLElement} */ (stop.querySelector('.waits'))
  const stuck = entries.find((entry) => entry.trouble)
  const now = stop.querySelector('.stop-latest')?.textContent?.trim().replace(/\s+/g, ' ') ?? ''
  const allowed = (stop.dataset.allowed ?? '').split(' ')
  const lines = entries.map((entry) => {
    if (entry !== stuck) return line([text('b', `${clock(entry.at)} ${entry.words}`), text('span', stuck ? ' waits for what is above' : ' waits on this phone')])
    return trouble(entry, now, !entry.body.to || allowed.includes(entry.body.to), stop.dataset.version ?? '')
  })
  const before = list.dataset.shown
  const shown = JSON.stringify([entries, now, allowed, stop.dataset.version])
  if (before === shown) return
  list.dataset.shown = shown
  list.replaceChildren(...lines)
}

/** @param {Entry} entry @param {string} now @param {boolean} may @param {string} version @returns {HTMLElement} */
function trouble(entry, now, may, version) {
  const why = entry.trouble?.detail ?? ''
  const parts = [
    text('p', 'This was not carried out'),
    text('p', `You entered at ${clock(entry.at)}: ${entry.words}`),
    text('p', why),
    text('p', now ? `The visit now: ${now}` : ''),
    text('p', may ? 'Enter it again on the visit as it is now, or keep it as a note: it is written to the log of the visit.'
      : 'It no longer fits where the visit is. Keep it as a note: it is written to the log of the visit.'),
    ...(may ? [decision('again', 'Enter it again', entry, version)] : []),
    decision('note', 'Keep it as a note', entry, version),
  ]
  const box = line(parts)
  box.className = 'trouble'
  box.dataset.key = entry.key
  return box
}

/** Do with an entry what somebody has decided. @param {Queue} queue @param {HTMLElement} button */
export function decide(queue, button) {
  const entry = queue.entries.find((each) => each.key === button.dataset.key)
  if (!entry) return
  const { as_of: _, ...body } = entry.body
  if (button.dataset.decide === 'again') {
    queue.replace(entry.key, { path: entry.path, body, words: entry.words, asOf: entry.asOf === null ? null : Number(button.dataset.version) })
    return
  }
  const words = `Entered on the phone at ${clock(entry.at)}, and not carried out: ${entry.words}`
  queue.replace(entry.key, { path: `/api/v1/switchover/visits/${entry.visit}/note`, body: { text: words }, words: 'Note', asOf: null })
}

/** @param {string} what @param {string} words @param {Entry} entry @param {string} version @returns {HTMLElement} */
function decision(what, words, entry, version) {
  const button = text('button', words)
  button.setAttribute('type', 'button')
  Object.assign(button.dataset, { decide: what, key: entry.key, version })
  return button
}

/** @param {string} name @param {string} words @returns {HTMLElement} */
function text(name, words) {
  const element = document.createElement(name)
  element.textContent = words
  return element
}

/** @param {HTMLElement[]} parts @returns {HTMLElement} */
function line(parts) {
  const item = document.createElement('li')
  item.append(...parts)
  return item
}
