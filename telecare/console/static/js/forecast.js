// @ts-check
// What if: the answer follows the sliders. Without this the form is sent and the page comes anew.
import { all, byId, morph } from './dom.js'
import { fetched } from './picture.js'

const PAUSE_MS = 250
const form = /** @type {HTMLFormElement | null} */ (document.getElementById('what-if'))

/** Show the value of each slider beside it. */
function tell() {
  for (const output of all('output[for]', form ?? document)) {
    output.textContent = /** @type {HTMLInputElement} */ (byId(output.getAttribute('for') ?? '')).value
  }
}

let asked = 0

/** Fetch the answer to what the form says now; an older answer that comes late is dropped. @param {HTMLFormElement} from */
async function ask(from) {
  const turn = ++asked
  const address = `${from.action}?${new URLSearchParams(/** @type {any} */ (new FormData(from)))}`
  try {
    const fresh = await fetched(address, 'outlook')
    if (turn !== asked) return
    morph(byId('outlook'), fresh)
    history.replaceState(null, '', address)
  } catch {
    if (turn === asked) from.requestSubmit()
  }
}

if (form) {
  let timer = 0
  const soon = () => {
    tell()
    clearTimeout(timer)
    timer = window.setTimeout(() => ask(form), PAUSE_MS)
  }
  form.addEventListener('input', soon)
  form.addEventListener('change', (event) => {
    if (event.target instanceof HTMLSelectElement) form.requestSubmit()
  })
}
