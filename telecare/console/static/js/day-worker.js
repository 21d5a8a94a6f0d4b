// @ts-check
// Lets the engineer's day open in a dead spot: the page that was kept last, with its styles and scripts. It sends nothing:
// what was entered is sent by the page itself (day.js), which also keeps the page anew whenever it has changed.

const worker = /** @type {any} */ (self)
/** The same name stands in page.js and day-keep.js. */
const KEPT = 'day'
const PAGE = '/switchover/day'
/** A dead spot often takes a request and never answers. */
const PATIENCE_MS = 6000

worker.addEventListener('install', () => worker.skipWaiting())
worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()))
worker.addEventListener('fetch', (/** @type {any} */ event) => {
  const { request } = event
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== worker.location.origin) return
  if (request.mode === 'navigate' && pathname === PAGE) event.respondWith(page(request))
  else if (pathname.startsWith('/static/')) event.respondWith(file(request))
})

/** @param {Request} request @returns {Promise<Response>} */
async function page(request) {
  try {
    const reply = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) })
    // Sent to the log-in: nobody is logged in any more, so nobody's day stays on this phone.
    if (reply.type === 'opaqueredirect') await caches.delete(KEPT)
    if (reply.status < 500) return reply
    return (await kept(request)) ?? reply
  } catch (error) {
    const found = await kept(request)
    if (found) return found
    throw error
  }
}

/** @param {Request} request @returns {Promise<Response | undefined>} */
async function kept(request) {
  const cache = await caches.open(KEPT)
  return (await cache.match(request)) ?? cache.match(PAGE)
}

/** Files have the version in their address: one that is kept is right. @param {Request} request @returns {Promise<Response>} */
async function file(request) {
  return (await (await caches.open(KEPT)).match(request)) ?? fetch(request)
}
