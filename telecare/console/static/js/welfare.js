// @ts-check
// The keys of a welfare check: one for the next person, one for each outcome. Whom one has is read first.
import { all } from './dom.js'
import { onKeys } from './keys.js'

/** Press the button that has a key. @param {string} key */
const press = (key) => () => all(`button[data-welfare="${key}"]`)[0]?.click()

onKeys({ enter: press('enter'), ' ': press('enter'), 1: press('1'), 2: press('2'), 3: press('3') })
const now = document.getElementById('person-now')
const summary = /** @type {HTMLElement | null} */ (document.querySelector('.error-summary'))
if (summary) summary.focus()
else if (now) now.focus()
