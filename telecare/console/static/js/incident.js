// @ts-check
// An incident that is on, kept as it is now; focus, scroll and pointer stay where they are.
import { byId, morph } from './dom.js'
import { fetched, GoneError } from './picture.js'
import { writeTimes } from './time.js'

const EACH_MS = 5000

/** Bring the page up to date; who cannot be asked changes nothing. */
async function refresh() {
  const page = byId('incident')
  const address = page.dataset.live
  if (!address || document.hidden) return
  const fresh = await fetched(address, 'incident').catch((error) => {
    if (error instanceof GoneError) location.assign('/incidents')
    return null
  })
  if (!fresh) return
  const focused = document.activeElement?.id
  morph(page, fresh)
  // A row that has changed its place is made anew: whoever stood on its link stands there again.
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true })
  writeTimes()
}

setInterval(refresh, EACH_MS)
