// @ts-check
// Commands to the API, with the session's CSRF token, and what to say when one did not work.

/** @typedef {{ok: boolean, status: number, body: Record<string, any>}} Reply */

const LOGGED_OUT = 'You are logged out. Log in in another tab, then give the command again; what you typed stays here'
const TRIES = 4
const NO_ANSWER = 'No answer from the server, so it is not known whether that was done: look at the log, then try again'

/**
 * Send a command. @param {string} path @param {Record<string, any>} body @param {boolean} [again] with a fresh CSRF token
 * @param {string} [key] under which it has its effect once, however often it is sent
 * @param {number} [patience] milliseconds to wait for the answer @returns {Promise<Reply>}
 */
export async function post(path, body, again = true, key = '', patience = 0) {
  const meta = document.querySelector('meta[name="csrf-token"]')
  try {
    const reply = await fetch(path, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-CSRF-Token': meta?.getAttribute('content') ?? '',
        ...(key ? { 'Idempotency-Key': key } : {}),
      },
      body: JSON.stringify(body),
      ...(patience ? { signal: AbortSignal.timeout(patience) } : {}),
    })
    if (reply.status === 403 && again && await freshToken(meta)) return post(path, body, false, key, patience)
    const told = reply.status === 401 ? { detail: LOGGED_OUT } : await reply.json()
    return { ok: reply.ok, status: reply.status, body: told }
  } catch {
    return { ok: false, status: 0, body: { detail: NO_ANSWER } }
  }
}

/**
 * After a new log-in in another tab the token of this page is old: fetch the new one, so that nothing typed is lost.
 * @param {Element | null} meta @returns {Promise<boolean>} whether there was another one
 */
async function freshToken(meta) {
  const page = await fetch('/search')
  if (!page.ok || page.redirected || !meta) return false
  const found = new DOMParser().parseFromString(await page.text(), 'text/html')
  const token = found.querySelector('meta[name="csrf-token"]')?.getAttribute('content')
  const user = found.body.dataset.user
  if (!token || token === meta.getAttribute('content') || user !== document.body.dataset.user) return false
  meta.setAttribute('content', token)
  return true
}

/**
 * Give a command on an alarm. What was overtaken by a step of the ladder is given again on the present version, as far as
 * that cannot undo what somebody else did: a claim that finds another holder is refused by name.
 * @param {string} id @param {string} name @param {Record<string, any>} body @returns {Promise<Reply>}
 */
export async function command(id, name, body) {
  const safe = name === 'ack' ? !body.take_over : name !== 'close' && name !== 'escalate'
  let given = body
  for (let tries = 1; ; tries += 1) {
    const reply = await post(`/api/v1/alarms/${id}/${name}`, given)
    const overtaken = reply.status === 409 && String(reply.body.type).endsWith(':stale')
    if (!overtaken || !safe || tries === TRIES) return reply
    given = { ...body, as_of: reply.body.version }
  }
}
