// @ts-check
// What every page does: the theme by preference or by switch, and ages that grow.
import { keepTime } from './time.js'

const root = document.documentElement
const button = document.getElementById('theme')

/** @returns {boolean} whether the night theme shows now */
function night() {
  return root.dataset.theme ? root.dataset.theme === 'night' : matchMedia('(prefers-color-scheme: dark)').matches
}

/** Show the chosen theme, and say it on the switch. */
function show() {
  const chosen = localStorage.getItem('theme')
  if (chosen) root.dataset.theme = chosen
  button?.setAttribute('aria-pressed', String(night()))
}

button?.addEventListener('click', () => {
  localStorage.setItem('theme', night() ? 'day' : 'night')
  show()
})
show()
keepTime()
