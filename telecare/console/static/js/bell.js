// @ts-check
// Ringing on whatever page is open, and saying so when the browser forbids it.
import { all, byId } from './dom.js'
import { Sound } from './sound.js'
import { age } from './time.js'

const sound = new Sound()
/** Who cannot handle alarms need not be woken by them. */
const handles = 'handles' in document.body.dataset
let dead = false
let tone = ''

/** Ring for a tone from now on. @param {string} gravest the tone of the gravest alarm that nobody has, or empty */
export function ringFor(gravest) {
  tone = gravest
  tick()
}

/** Ring because the picture is dead, or no longer. @param {boolean} alive */
export function feedIs(alive) {
  dead = !alive
  tick()
}

/** Ring what is due, and show how sound stands. */
function tick() {
  if (!handles) return
  sound.ring(dead ? 'dead' : tone)
  byId('sound-banner').hidden = !sound.blocked || !(tone || dead)
  const button = document.getElementById('sound')
  if (!button) return
  const words = sound.offFor ? `Sound off, ${age(sound.offFor)}` : 'Sound on'
  button.textContent = sound.blocked ? 'Sound blocked' : words
  button.classList.toggle('off', sound.blocked || Boolean(sound.offFor))
  const off = byId('sound-off')
  off.textContent = sound.offFor ? 'On again' : 'Off for 10 minutes'
  off.setAttribute('aria-pressed', String(Boolean(sound.offFor)))
}

byId('allow-sound').addEventListener('click', () => sound.allow().then(tick))
const volume = /** @type {HTMLInputElement | null} */ (document.getElementById('volume'))
if (volume) {
  volume.value = String(sound.volume)
  volume.addEventListener('input', () => { sound.volume = Number(volume.value) })
  for (const button of all('[data-test]')) {
    button.addEventListener('click', () => sound.context.resume().then(() => sound.play(button.dataset.test ?? '')).then(tick))
  }
  byId('sound-off').addEventListener('click', () => {
    sound.toggle()
    tick()
  })
}
setInterval(tick, 500)
