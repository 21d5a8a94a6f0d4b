// @ts-check
// Fetching a fragment of a page; a log-in page in its place is no picture.
import { parsed } from './dom.js'

/** There is no such thing any more, or not for whoever looks. */
export class GoneError extends TypeError {}

/**
 * Fetch an element. @param {string} address @param {string} id @param {number} [patience] milliseconds to wait
 * @returns {Promise<HTMLElement>} it throws when there is none
 */
export async function fetched(address, id, patience = 0) {
  const reply = await fetch(address, patience ? { signal: AbortSignal.timeout(patience) } : {})
  if (reply.status === 404) throw new GoneError('no such picture')
  if (!reply.ok || reply.redirected) throw new TypeError(`no picture: ${reply.status}`)
  const found = parsed(await reply.text()).getElementById(id)
  if (!found) throw new TypeError('no picture in the answer')
  return found
}

/** @typedef {{life: number, technical: number, waiting: number, oldest: string, over: number, fires: number, mine: number, tone: string, loggedIn: number, work: string, incidents: string}} Figures */

/** Fetch the figures of the whole board. @returns {Promise<Figures>} */
export async function fetchedFigures() {
  const reply = await fetch('/board/figures')
  if (!reply.ok || reply.redirected) throw new TypeError(`no figures: ${reply.status}`)
  return reply.json()
}
