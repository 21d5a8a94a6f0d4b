// @ts-check
// Lets a responder have alarms shown by this browser, from the page behind their link on.

const button = /** @type {HTMLButtonElement | null} */ (document.getElementById("notify-me"));
const told = document.getElementById("notify-told");

if (button && told && "serviceWorker" in navigator && "PushManager" in window) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    told.textContent = await subscribe(button.dataset.key || "", location.pathname);
    button.disabled = false;
  });
}

/**
 * @param {string} key the service's public key, base64url
 * @param {string} page the address of this page
 */
async function subscribe(key, page) {
  try {
    if ((await Notification.requestPermission()) !== "granted") {
      return "This browser may not show notifications: allow them in its settings.";
    }
    await navigator.serviceWorker.register("/push-worker.js", { scope: "/a/" });
    const registration = await navigator.serviceWorker.ready;
    const subscription = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: bytes(key),
    });
    const reply = await fetch(`${page}/push`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(subscription),
    });
    return reply.ok ? "Done: the next alarms are shown by this browser as well." : (await reply.json()).detail;
  } catch {
    return "This browser could not be set up. Texts and calls come as before.";
  }
}

/** @param {string} base64url */
function bytes(base64url) {
  const plain = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (char) => char.charCodeAt(0));
}
