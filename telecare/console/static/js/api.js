// @ts-check
// Commands to the API, with the session's CSRF token.

/** @typedef {{ok: boolean, status: number, body: Record<string, any>}} Reply */

/** Send a command. @param {string} path @param {Record<string, any>} body @returns {Promise<Reply>} */
export async function post(path, body) {
  const token = document.querySelector('meta[name="csrf-token"]')?.getAttribute('content') ?? ''
  try {
    const reply = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token },
      body: JSON.stringify(body),
    })
    return { ok: reply.ok, status: reply.status, body: await reply.json() }
  } catch {
    return { ok: false, status: 0, body: { detail: 'No answer from the server. Nothing was changed; try again' } }
  }
}

/**
 * Give a command on an alarm. A claim that was overtaken by a step of the ladder, while nobody took the alarm, is given
 * once more on the present version.
 * @param {string} id @param {string} command @param {Record<string, any>} body @returns {Promise<Reply>}
 */
export async function command(id, command, body) {
  const path = `/api/v1/alarms/${id}/${command}`
  const reply = await post(path, body)
  const overtaken = reply.status === 409 && String(reply.body.type).endsWith(':stale')
  const free = reply.body.handling === 'raised' && command === 'ack'
  const mine = command !== 'close' && reply.body.handling !== 'raised' && command !== 'ack' && command !== 'escalate'
  return overtaken && (free || mine) ? post(path, { ...body, as_of: reply.body.version }) : reply
}
