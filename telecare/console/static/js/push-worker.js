// @ts-check
// Shows what is pushed to this browser, and opens the link in it. Runs while no page of ours is open.

const worker = /** @type {any} */ (self);

worker.addEventListener("push", (/** @type {any} */ event) => {
  const told = read(event.data);
  event.waitUntil(
    worker.registration.showNotification(told.title || "An alarm waits", {
      body: told.body || "Open the message that you were sent.",
      tag: told.alarm_id || undefined,
      renotify: Boolean(told.alarm_id),
      requireInteraction: true,
      data: { url: told.url },
    }),
  );
});

worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  const url = event.notification.data && event.notification.data.url;
  if (url) {
    event.waitUntil(worker.clients.openWindow(url));
  }
});

/** @param {any} data */
function read(data) {
  try {
    return (data && data.json()) || {};
  } catch {
    return {};
  }
}
