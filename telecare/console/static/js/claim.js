// @ts-check
// A claim of mine: renewed by itself while I am demonstrably here, and asked for in time when I am not.
import { byId } from './dom.js'
import { serverNow } from './time.js'

const PRESENT_MS = 60000
const RENEW_BEFORE_MS = 120000
const ASK_BEFORE_MS = 60000
const LOOK_MS = 1000
const AGAIN_MS = 10000

/** Watch the claim of a case. @param {HTMLElement} page @param {() => Promise<any>} renew */
export function watchClaim(page, renew) {
  let lastSign = Date.now()
  let triedAt = 0
  for (const sign of ['keydown', 'pointerdown', 'pointermove', 'wheel']) {
    addEventListener(sign, (event) => { if (event.isTrusted) lastSign = Date.now() }, { passive: true })
  }
  setInterval(() => {
    const left = page.dataset.hold === 'mine' ? Date.parse(page.dataset.expires ?? '') - serverNow() : NaN
    byId('renew-now').hidden = !(left < ASK_BEFORE_MS)
    const here = Date.now() - lastSign < PRESENT_MS && document.visibilityState === 'visible'
    if (!here || !(left < RENEW_BEFORE_MS) || Date.now() - triedAt < AGAIN_MS) return
    triedAt = Date.now()
    renew().catch(() => {})
  }, LOOK_MS)
}
