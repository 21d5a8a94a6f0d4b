// @ts-check
// The live feed: one stream a browser, shared by its tabs; resumed by number; a dead one looks dead within 5 s.
import { learnNow } from './time.js'

const DEAD_AFTER_MS = 4500
const AGAIN_MS = 1000

/**
 * @typedef {{seq: number, kind: 'alarm' | 'gone', id: string, data: Record<string, any>, html?: string}} Change
 * @typedef {{onChange: (change: Change) => void, onReload: () => void, onState: (alive: boolean) => void}} Listener
 */

/** Follow the feed from a number on. @param {number} seq @param {Listener} listener */
export function follow(seq, listener) {
  const channel = new BroadcastChannel('telecare-feed')
  const title = document.title
  const banner = /** @type {HTMLElement} */ (document.getElementById('feed-banner'))
  let last = seq
  let heard = Date.now()
  let dead = false

  /** Take an event, from our own stream or from the tab that has it. @param {{type: string, data: any}} event */
  function take(event) {
    heard = Date.now()
    if (event.type === 'beat') learnNow(event.data.now)
    if (event.type === 'snapshot' && event.data.reload) {
      last = event.data.seq // also when it is a smaller one: a restored database counts from where it was
      listener.onReload()
    }
    if (event.type === 'change' && event.data.seq > last) {
      last = event.data.seq
      listener.onChange(event.data)
    }
    if (dead) look()
  }

  /** Hold the stream for all tabs; returns only when this tab goes. */
  function lead() {
    const open = () => {
      const source = new EventSource(`/api/v1/stream?form=html&after=${last}`)
      for (const type of ['snapshot', 'change', 'beat']) {
        source.addEventListener(type, (message) => {
          const event = { type, data: JSON.parse(/** @type {MessageEvent} */ (message).data) }
          channel.postMessage(event)
          take(event)
        })
      }
      // A browser gives up after some answers; we never do.
      source.addEventListener('error', () => {
        source.close()
        setTimeout(open, AGAIN_MS)
      })
    }
    open()
    return new Promise(() => {})
  }

  /** Show whether the picture is alive. */
  function look() {
    const silent = Date.now() - heard
    const isDead = silent > DEAD_AFTER_MS
    if (isDead) {
      banner.textContent = `This picture is ${Math.round(silent / 1000)} seconds old: use the telephone list`
      document.title = `OLD PICTURE – ${title}`
    } else if (dead) {
      document.title = title
    }
    banner.hidden = !isDead
    if (isDead !== dead) listener.onState(!isDead)
    dead = isDead
  }

  channel.onmessage = (message) => take(message.data)
  let leading = false
  if (navigator.locks) {
    navigator.locks.request('telecare-feed', () => {
      leading = true
      return lead()
    })
    // Another tab has the stream: what it told before we listened is in a fresh picture.
    setTimeout(() => { if (!leading) listener.onReload() }, 300)
  } else {
    lead() // no locks on plain HTTP from another machine: a stream of our own
  }
  setInterval(look, 250)

  return {
    /** Set the number of a fresh picture. @param {number} number */
    restart(number) {
      last = Math.max(last, number)
      heard = Date.now()
    },
  }
}
