// @ts-check
// What was entered on this phone and has not arrived: kept through a dead spot and a reload, sent once and in order.
//
// Each entry has its own key (Idempotency-Key), so that one whose reply was lost is sent again and does nothing twice.
// What the server refuses, or what was overtaken, stays here with its trouble until somebody decides; nothing is dropped.
// What stands behind it for the same visit waits with it; other visits go on.

/**
 * @typedef {{status: number, detail: string}} Trouble
 * @typedef {{key: string, visit: string, path: string, body: Record<string, any>, words: string, at: string,
 *   asOf: number | null, tried: string | null, trouble: Trouble | null}} Entry
 * `words` says it to people; `at`: when it was entered. `asOf`: the version of the visit that it was entered on, null where
 * none matters. `tried`: when it was first sent; from then on its body stays as it is.
 * @typedef {import('./api.js').Reply} Reply
 * @typedef {(entry: Entry, reply: Reply) => Promise<void>} Settled
 * @typedef {'idle' | 'no signal' | 'logged out'} Stop
 */

/** Replies are kept for a day: a note whose reply was lost before that could be written twice. */
const KEPT_MS = 20 * 3600 * 1000
/** An entry that was sent later than this says when it was made. */
const LATE_MS = 2 * 60 * 1000
const AGAIN = new Set([0, 408, 425, 429])
const UNKNOWN = 'It was sent more than a day ago and no answer came: see in the visit\'s log whether it arrived'

export class Queue {
  /** @param {string} name where it is kept @param {(entry: Entry) => Promise<Reply>} send */
  constructor(name, send) {
    this.name = name
    this.send = send
    this.busy = false
  }

  /** @returns {Entry[]} the oldest first */
  get entries() {
    try {
      return JSON.parse(localStorage.getItem(this.name) ?? '[]')
    } catch {
      return []
    }
  }

  /** Each change is one write of the whole: a page that dies in between leaves the one state or the other. @param {Entry[]} entries */
  set entries(entries) {
    if (entries.length) localStorage.setItem(this.name, JSON.stringify(entries))
    else localStorage.removeItem(this.name)
  }

  /** @param {string} visit @returns {Entry[]} */
  of(visit) {
    return this.entries.filter((entry) => entry.visit === visit)
  }

  /** @param {Pick<Entry, 'visit' | 'path' | 'body' | 'words' | 'asOf'>} made */
  add(made) {
    this.entries = [...this.entries, fresh(made)]
  }

  /**
   * Put another entry where one with a trouble stands; it gets a key of its own, for it is another command.
   * @param {string} key @param {Pick<Entry, 'path' | 'body' | 'words' | 'asOf'>} instead
   */
  replace(key, instead) {
    this.entries = this.entries.map((entry) => (
      entry.key === key ? { ...fresh({ visit: entry.visit, ...instead }), at: entry.at } : entry))
  }

  /** Send what can be sent; one tab at a time. @param {Settled} settled told of each that has been answered @returns {Promise<Stop>} */
  async flush(settled) {
    if (this.busy) return 'idle'
    this.busy = true
    try {
      const locks = navigator.locks
      return await (locks ? locks.request(this.name, () => this.#flush(settled)) : this.#flush(settled))
    } finally {
      this.busy = false
    }
  }

  /** @param {Settled} settled @returns {Promise<Stop>} */
  async #flush(settled) {
    for (;;) {
      const next = this.#next()
      if (!next) return 'idle'
      const entry = this.#frozen(next)
      const reply = overdue(entry) ? { ok: false, status: 409, body: { detail: UNKNOWN } } : await this.send(entry)
      if (reply.status === 401) return 'logged out'
      if (AGAIN.has(reply.status) || reply.status >= 500) return 'no signal'
      if (reply.ok) this.#arrived(entry, reply)
      else this.#change(entry.key, { trouble: { status: reply.status, detail: said(reply) } })
      await settled(entry, reply)
    }
  }

  /** @returns {Entry | undefined} the first whose visit has no trouble before it */
  #next() {
    const stuck = new Set()
    for (const entry of this.entries) {
      if (entry.trouble) stuck.add(entry.visit)
      else if (!stuck.has(entry.visit)) return entry
    }
    return undefined
  }

  /** From its first try on the body of an entry stays as it is, for the same key. @param {Entry} entry @returns {Entry} */
  #frozen(entry) {
    if (entry.tried) return entry
    const ready = { ...entry, body: dated(entry), tried: new Date().toISOString() }
    this.#change(entry.key, ready)
    return ready
  }

  /** It has arrived: what was entered after it on the same version knew of it. @param {Entry} done @param {Reply} reply */
  #arrived(done, reply) {
    const version = done.asOf === null ? null : Number(reply.body.version)
    this.entries = this.entries.filter((entry) => entry.key !== done.key).map((entry) => (
      version && entry.visit === done.visit && entry.asOf === done.asOf && !entry.tried ? { ...entry, asOf: version } : entry))
  }

  /** @param {string} key @param {Partial<Entry>} changes */
  #change(key, changes) {
    this.entries = this.entries.map((entry) => (entry.key === key ? { ...entry, ...changes } : entry))
  }
}

/** @param {Pick<Entry, 'visit' | 'path' | 'body' | 'words' | 'asOf'>} made @returns {Entry} */
const fresh = (made) => ({ ...made, key: newKey(), at: new Date().toISOString(), tried: null, trouble: null })

/** @returns {string} */
function newKey() {
  return crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16)).join('-')
}

/** @param {Entry} entry @returns {boolean} */
const overdue = (entry) => entry.tried !== null && Date.now() - Date.parse(entry.tried) > KEPT_MS

/** @param {string} at @returns {string} */
export const clock = (at) => new Date(at).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })

/** Return the body with the version it was entered on and, when it comes late, with the time. @param {Entry} entry @returns {Record<string, any>} */
function dated(entry) {
  const body = entry.asOf === null ? { ...entry.body } : { ...entry.body, as_of: entry.asOf }
  if (Date.now() - Date.parse(entry.at) < LATE_MS) return body
  const field = 'text' in body ? 'text' : 'to' in body ? 'why' : null
  if (field) body[field] = body[field] ? `${body[field]} (entered at ${clock(entry.at)})` : `Entered at ${clock(entry.at)}, sent when there was signal again`
  return body
}

/** @param {Reply} reply @returns {string} */
function said(reply) {
  const first = Array.isArray(reply.body.errors) ? reply.body.errors[0]?.what : ''
  return [reply.body.detail, first].filter(Boolean).join(': ') || `The server answered ${reply.status}`
}
