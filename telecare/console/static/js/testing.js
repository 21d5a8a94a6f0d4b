// @ts-check
// A test window that is on: each trigger ticks itself as its test arrives.
import { byId, morph } from './dom.js'
import { fetched } from './picture.js'

const ASK_EVERY_MS = 1000

/** Fetch the panel for as long as the window is on; who cannot be asked now is asked again. */
async function look() {
  const panel = document.getElementById('testing')
  const hub = panel?.dataset.on
  if (!panel || !hub) return
  const fresh = await fetched(`/fleet/${encodeURIComponent(hub)}/test-window`, 'testing').catch(() => null)
  if (fresh) morph(byId('testing'), fresh)
  setTimeout(look, ASK_EVERY_MS)
}

setTimeout(look, ASK_EVERY_MS)
