// @ts-check
// Keeps the engineer's day on the phone, as the server shows it now, for the worker to open it in a dead spot.

/** The same name stands in page.js, which lets it go with the log-out, and in day-worker.js. */
const KEPT = 'day'
const PAGE = '/switchover/day'
const MOST_PAGES = 3
const possible = 'serviceWorker' in navigator && 'caches' in window

/** Have the page opened by the worker from now on. */
export async function register() {
  if (possible) await navigator.serviceWorker.register('/switchover/day-worker.js', { scope: '/switchover/day' })
}

/** Keep the page and its files; without signal what was kept stays. What a form has answered is shown once, and not kept. */
export async function keep() {
  if (!possible || location.pathname !== PAGE) return
  const page = location.pathname + location.search
  const reply = await fetch(page)
  if (!reply.ok || reply.redirected) return
  // The whole of it first: what is kept stays until there is all of the new one, should the signal go meanwhile.
  const whole = new Response(await reply.blob(), { headers: reply.headers })
  const cache = await caches.open(KEPT)
  await cache.put(page, whole)
  const files = new Set(performance.getEntriesByType('resource').map((entry) => entry.name).filter(isFile))
  for (const file of files) if (!await cache.match(file)) await cache.add(file)
  await forget(cache, files)
}

/** @param {string} address @returns {boolean} */
const isFile = (address) => new URL(address).pathname.startsWith('/static/')

/** Let go of files of another version, and of days before the last few. @param {Cache} cache @param {Set<string>} files */
async function forget(cache, files) {
  const known = (await cache.keys()).map((request) => request.url)
  const pages = known.filter((address) => !isFile(address))
  const old = [...known.filter((address) => isFile(address) && !files.has(address)), ...pages.slice(0, -MOST_PAGES)]
  for (const address of old) await cache.delete(address)
}
