// @ts-check
// Panels that tick themselves as messages arrive: each says where it is fetched from, for as long as it changes.
import { all, morph } from './dom.js'
import { fetched } from './picture.js'

const ASK_EVERY_MS = 1000

/** Fetch each panel anew; who cannot be asked now is asked again. */
async function look() {
  for (const panel of all('[data-ticks]')) {
    const fresh = await fetched(panel.dataset.ticks ?? '', panel.id).catch(() => null)
    if (fresh) morph(panel, fresh)
  }
  setTimeout(look, ASK_EVERY_MS)
}

setTimeout(look, ASK_EVERY_MS)
