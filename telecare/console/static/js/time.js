// @ts-check
// Ages and countdowns, from the server's clock: this computer's may be wrong.

let offset = 0

/** Learn the server's time. @param {string} iso */
export function learnNow(iso) {
  const there = Date.parse(iso)
  if (!Number.isNaN(there)) offset = there - Date.now()
}

/** @returns {number} the server's time in milliseconds */
export function serverNow() {
  return Date.now() + offset
}

/** An age as people say it. @param {number} ms @returns {string} */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86400)} days`
}

/** Write every age and countdown within an element as it is now. @param {ParentNode} [within] */
export function writeTimes(within = document) {
  const now = serverNow()
  for (const shown of within.querySelectorAll('[data-since]')) {
    const since = Date.parse(shown.getAttribute('data-since') ?? '')
    if (!Number.isNaN(since)) write(shown, age(now - since))
  }
  for (const shown of within.querySelectorAll('[data-due]')) {
    const left = Date.parse(shown.getAttribute('data-due') ?? '') - now
    if (Number.isNaN(left)) continue
    write(shown, left > 0 ? `in ${age(left + 999)}` : 'now')
    shown.classList.toggle('soon', left < 30000)
  }
}

/** @param {Element} shown @param {string} text */
function write(shown, text) {
  if (shown.textContent !== text) shown.textContent = text
}

/** Keep them true, each second. */
export function keepTime() {
  const told = document.querySelector('[data-now]')
  if (told) learnNow(told.getAttribute('data-now') ?? '')
  writeTimes()
  setInterval(writeTimes, 1000)
}
