// @ts-check
// The live feed: one stream a browser, shared by its tabs, resumed by number. What cannot be trusted counts as dead.
import { DEAD_AFTER_MS, showDead } from './alive.js'
import { learnNow } from './time.js'

const NAME = 'telecare-feed'
const AGAIN_MS = 1000
const AGAIN_LOGGED_OUT_MS = 5000
const LOOK_MS = 250
/** After so long without a sign of it, the tab that holds the stream sleeps, and one that is looked at takes it over. */
const STEAL_AFTER_MS = 3000
/** A line may be dead without an end: after so long in silence it is opened anew. */
const REOPEN_MS = 5000

/**
 * @typedef {{seq: number, kind: 'alarm' | 'gone', id: string, data: Record<string, any>, html?: string}} Change
 * @typedef {object} Listener
 * @property {(change: Change) => void} onChange
 * @property {(seq: number) => Promise<number>} onReload fetches and shows the whole picture; its number, or it throws.
 *   It is at least `seq`, which serves for pages that show none of it.
 * @property {(alive: boolean) => void} onState
 */

/**
 * Follow the feed from a number on; from now on when there is none.
 * @param {number | null} seq @param {Listener} listener @returns {{reload: () => void}} what fetches the picture anew
 */
export function follow(seq, listener) {
  const channel = new BroadcastChannel(NAME)
  let last = seq ?? -1
  let heard = Date.now()
  let alive = true
  let loggedOut = false
  /** Opens the stream anew, while this tab is the one that holds it. @type {(() => void) | undefined} */
  let reopen
  let opened = 0
  let leaderSeen = Date.now()
  let stealing = false
  let fetching = false
  /** Whether changes were missed: then the picture is old, however often the server says that it lives. */
  let behind = false
  /** Changes that came while the whole picture was on its way. @type {Change[]} */
  let held = []

  /** Fetch the whole picture, until it has come; what changes meanwhile is applied on top. @param {number} [seq] its least number */
  async function reload(seq = last) {
    behind = true
    if (fetching) return
    fetching = true
    held = []
    try {
      last = await listener.onReload(seq)
      behind = false
      heard = Date.now()
      fetching = false
      held.forEach(apply)
    } catch (error) {
      fetching = false
      if (!(error instanceof TypeError)) reportError(error)
      setTimeout(() => reload(seq), AGAIN_MS)
    }
    look()
  }

  /** @param {Change} change */
  function apply(change) {
    if (fetching) held.push(change)
    else if (change.seq > last) {
      last = change.seq
      listener.onChange(change)
    }
  }

  /** Take an event, from our own stream or from the tab that has it. @param {{type: string, data?: any}} event */
  function take({ type, data }) {
    if (type === 'hello' && reopen) channel.postMessage({ type: 'at', data: { seq: last } })
    if (type === 'at' && data.seq > last) reload(data.seq)
    if (type === 'logged out') loggedOut = true
    if (!['beat', 'snapshot', 'change'].includes(type)) return
    if (!behind) heard = Date.now()
    loggedOut = false
    if (type === 'beat') learnNow(data.now)
    if (type === 'snapshot' && data.reload) reload(data.seq)
    if (type === 'change') {
      try {
        apply(data)
      } catch (error) {
        reportError(error)
        reload()
      }
    }
  }

  /** Ask why the stream has ended: a log-out is not cured by trying again at once. */
  async function askWhy() {
    const reply = await fetch('/board/figures', { redirect: 'manual' }).catch(() => null)
    loggedOut = reply?.type === 'opaqueredirect'
    if (loggedOut) channel.postMessage({ type: 'logged out' })
  }

  /** Hold the stream for all tabs, until this tab goes or another takes it away. @param {AbortSignal} signal */
  function lead(signal) {
    /** @type {EventSource | undefined} */
    let source
    /** @type {number | undefined} */
    let retry
    const open = () => {
      source?.close()
      clearTimeout(retry)
      opened = Date.now()
      source = new EventSource(`/api/v1/stream?form=html${last < 0 ? '' : `&after=${last}`}`)
      for (const type of ['snapshot', 'change', 'beat']) {
        source.addEventListener(type, (message) => {
          const event = { type, data: JSON.parse(/** @type {MessageEvent} */ (message).data) }
          channel.postMessage(event)
          take(event)
        })
      }
      // A browser gives up after some answers; we never do.
      source.addEventListener('error', async () => {
        source?.close()
        await askWhy()
        if (!signal.aborted) retry = setTimeout(open, loggedOut ? AGAIN_LOGGED_OUT_MS : AGAIN_MS)
      })
    }
    reopen = open
    open()
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        source?.close()
        clearTimeout(retry)
        reopen = undefined
        resolve(undefined)
      })
    })
  }

  /** Stand in line for the stream. @param {boolean} steal */
  function queue(steal) {
    const end = new AbortController()
    navigator.locks.request(NAME, { steal }, () => {
      stealing = false
      return lead(end.signal)
    }).catch(() => {
      end.abort()
      leaderSeen = Date.now()
      queue(false)
    })
  }

  /** Show whether the picture is alive, and see to it that somebody keeps it so. */
  function look() {
    const now = Date.now()
    const silent = now - heard
    showDead(silent, loggedOut)
    if ((silent <= DEAD_AFTER_MS) !== alive) {
      alive = !alive
      listener.onState(alive)
    }
    if (reopen) {
      channel.postMessage({ type: 'leading' })
      if (silent > DEAD_AFTER_MS && now - opened > REOPEN_MS) reopen()
    } else if (silent > STEAL_AFTER_MS && now - leaderSeen > STEAL_AFTER_MS && !document.hidden && !stealing) {
      stealing = true
      queue(true)
    }
  }

  channel.onmessage = (message) => {
    leaderSeen = Date.now()
    take(message.data)
  }
  if (navigator.locks) {
    queue(false)
    // What the others were told before we listened shows in the number of the one that holds the stream.
    channel.postMessage({ type: 'hello' })
  } else {
    lead(new AbortController().signal) // no locks on plain HTTP from another machine: a stream of our own
  }
  setInterval(look, LOOK_MS)
  return { reload: () => { reload() } }
}
