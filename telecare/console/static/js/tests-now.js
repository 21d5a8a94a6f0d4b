// @ts-check
// The quiet lines of the board: triggers that are being tried out, and what has arrived of them. They never ring.
import { byId, morph } from './dom.js'
import { fetched } from './picture.js'

const ASK_EVERY_MS = 2000

/** Fetch the lines anew; who cannot be asked now is asked again. */
async function look() {
  const fresh = document.hidden ? null : await fetched('/board/tests', 'tests-now').catch(() => null)
  if (fresh) morph(byId('tests-now'), fresh)
  setTimeout(look, ASK_EVERY_MS)
}

setTimeout(look, ASK_EVERY_MS)
