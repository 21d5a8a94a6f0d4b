// @ts-check
// Sounds: one for each class, repeated until somebody has the alarm, by one tab of the browser at a time.

const OFF_FOR_MS = 10 * 60 * 1000
const UNTIL = 'sound-off-until'
const VOLUME = 'sound-volume'
/** Notes in Hz, and after how many milliseconds they come again. @type {Record<string, {notes: number[], every: number}>} */
const SOUNDS = {
  dead: { notes: [220, 165, 220, 165], every: 5000 },
  fire: { notes: [880, 660, 880, 660, 880, 660], every: 2500 },
  life: { notes: [740, 988], every: 4000 },
  urgent: { notes: [587], every: 8000 },
  technical: { notes: [330], every: 60000 },
}

export class Sound {
  constructor() {
    this.context = new AudioContext()
    this.lastAt = 0
    this.lastTone = ''
    /** Whether this is the tab that rings: many at once would be a din. */
    this.ours = !navigator.locks
    if (this.blocked) this.context.addEventListener('statechange', () => this.queue(), { once: true })
    else this.queue()
  }

  /** Stand in line to be the tab that rings; only one that may be heard does. */
  queue() {
    if (!this.ours) navigator.locks.request('telecare-sound', () => new Promise(() => { this.ours = true }))
  }

  /** @returns {boolean} whether the browser keeps us quiet */
  get blocked() { return this.context.state !== 'running' }

  /** @returns {number} how long sound is still off, in milliseconds; never more than ten minutes */
  get offFor() {
    const left = Number(localStorage.getItem(UNTIL) ?? 0) - Date.now()
    return left > 0 && left <= OFF_FOR_MS ? left : 0
  }

  /** @returns {number} from 10 to 100: it cannot be turned down to nothing */
  get volume() { return Math.min(100, Math.max(10, Number(localStorage.getItem(VOLUME) ?? 60))) }

  set volume(percent) { localStorage.setItem(VOLUME, String(percent)) }

  /** Ask the browser, in answer to a press. */
  async allow() {
    await this.context.resume()
    this.play('life')
  }

  /** Switch off for ten minutes, or on again. */
  toggle() {
    localStorage.setItem(UNTIL, this.offFor ? '0' : String(Date.now() + OFF_FOR_MS))
  }

  /** Ring for the gravest alarm that nobody has. @param {string} tone one of SOUNDS, or empty for none */
  ring(tone) {
    const asked = tone !== 'dead' && this.offFor
    if (!tone || asked || this.blocked || !this.ours) return
    const due = tone !== this.lastTone || Date.now() - this.lastAt >= SOUNDS[tone].every
    if (!due) return
    this.lastAt = Date.now()
    this.lastTone = tone
    this.play(tone)
  }

  /** Play a sound once. @param {string} tone */
  play(tone) {
    const loudness = 0.4 * (this.volume / 100) ** 2
    SOUNDS[tone].notes.forEach((frequency, index) => {
      const from = this.context.currentTime + index * 0.22
      const voice = this.context.createOscillator()
      const gain = this.context.createGain()
      voice.frequency.value = frequency
      gain.gain.setValueAtTime(loudness, from)
      gain.gain.exponentialRampToValueAtTime(0.001, from + 0.2)
      voice.connect(gain).connect(this.context.destination)
      voice.start(from)
      voice.stop(from + 0.21)
    })
  }
}
