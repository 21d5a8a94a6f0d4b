// @ts-check
// A dead picture looks dead: banner, title and sound within 5 s of the last sign of the server.
import { byId } from './dom.js'

export const DEAD_AFTER_MS = 4500
const TELL = 'The live feed is lost: this picture is old. Use the telephone list.'
const title = document.title
let shownTitle = title

/** Put a count in front of the page's title, so that it is seen from another tab. @param {string} words */
export function entitle(words) {
  shownTitle = words ? `${words} ${title}` : title
  if (byId('feed-banner').hidden) document.title = shownTitle
}

/** Show how old the picture is; nothing while it is alive. @param {number} silentMs @param {boolean} loggedOut */
export function showDead(silentMs, loggedOut) {
  const banner = byId('feed-banner')
  const dead = silentMs > DEAD_AFTER_MS
  if (dead) {
    const seconds = Math.round(silentMs / 1000)
    const words = loggedOut ? `You are logged out, and this picture is ${seconds} seconds old. ` : `This picture is ${seconds} seconds old: use the telephone list`
    if (byId('feed-words').textContent !== words) byId('feed-words').textContent = words
    document.title = `OLD PICTURE – ${title}`
  } else if (!banner.hidden) {
    document.title = shownTitle
  }
  if (banner.hidden === !dead) return
  banner.hidden = !dead
  document.body.classList.toggle('dead', dead)
  // The seconds are not read out each second; that it is dead is, once.
  byId('feed-alert').textContent = dead ? TELL : ''
  const login = /** @type {HTMLAnchorElement} */ (byId('feed-login'))
  login.hidden = !loggedOut
  login.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`
}
