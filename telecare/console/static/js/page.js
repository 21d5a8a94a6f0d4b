// @ts-check
// What every page does: the theme by preference or by switch, ages that grow, the list of keys, a clean log-out.
import { all } from './dom.js'
import { onKeys } from './keys.js'
import { keepTime } from './time.js'

const root = document.documentElement
const theme = document.getElementById('theme')
/** What was typed and not yet sent is kept under this name and the user's, and goes with the log-out. */
export const TYPED = 'typed'

/** @returns {boolean} whether the night theme shows now */
function night() {
  return root.dataset.theme ? root.dataset.theme === 'night' : matchMedia('(prefers-color-scheme: dark)').matches
}

/** Show the chosen theme, and say it on the switch. */
function showTheme() {
  const chosen = localStorage.getItem('theme')
  if (chosen) root.dataset.theme = chosen
  theme?.setAttribute('aria-pressed', String(night()))
}

/** Show or hide the list of keys; it never stands in the way of the queue. */
export function toggleKeys() {
  const keys = /** @type {HTMLDialogElement | null} */ (document.getElementById('keys'))
  if (keys?.open) keys.close()
  else keys?.show()
}

root.classList.add('with-script')
theme?.addEventListener('click', () => {
  localStorage.setItem('theme', night() ? 'day' : 'night')
  showTheme()
})
document.getElementById('logout')?.addEventListener('submit', () => {
  for (const name of Object.keys(localStorage)) if (name.startsWith(`${TYPED}:`)) localStorage.removeItem(name)
  if ('caches' in window) void caches.delete('day') // the engineer's day, see day-keep.js
})
for (const button of all('[data-show-keys]')) button.addEventListener('click', toggleKeys)
document.addEventListener('keydown', (event) => {
  const keys = /** @type {HTMLDialogElement | null} */ (document.getElementById('keys'))
  const menu = /** @type {HTMLDetailsElement | null} */ (document.querySelector('details.menu[open]'))
  if (event.key !== 'Escape' || !(keys?.open || menu)) return
  keys?.close()
  if (menu) {
    menu.open = false
    menu.querySelector('summary')?.focus()
  }
  event.preventDefault()
}, { capture: true })
document.addEventListener('click', (event) => {
  for (const menu of all('details.menu[open]')) if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute('open')
})
if (['plain', 'form'].includes(document.body.dataset.page ?? '')) {
  const back = () => { if (document.body.dataset.user && document.body.dataset.page === 'plain') location.assign('/') }
  onKeys({ '/': () => document.getElementById('find')?.focus(), '?': toggleKeys, escape: back })
}
showTheme()
keepTime()
