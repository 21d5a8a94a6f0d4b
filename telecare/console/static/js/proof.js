// @ts-check
// What the new hub of a visit has shown ticks itself while the page is open. What is typed beside it stays.
import { byId, morph } from './dom.js'
import { fetched } from './picture.js'

const ASK_EVERY_MS = 2000

/** Fetch the list anew while there is something to come; who cannot be asked now is asked again. */
async function look() {
  const shown = byId('proof')
  const address = shown.dataset.address
  if (!address) return
  const fresh = document.hidden ? null : await fetched(address, 'proof').catch(() => null)
  if (fresh) morph(shown, fresh)
  setTimeout(look, ASK_EVERY_MS)
}

setTimeout(look, ASK_EVERY_MS)
