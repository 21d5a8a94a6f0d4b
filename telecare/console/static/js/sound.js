// @ts-check
// Sounds: one for fire, one for life-safety, one for technical; they repeat until somebody has the alarm.

const OFF_FOR_MS = 10 * 60 * 1000
/** @type {Record<string, {notes: number[], every: number}>} */
const SOUNDS = {
  fire: { notes: [880, 660, 880, 660, 880, 660], every: 2500 },
  life: { notes: [740, 988], every: 4000 },
  urgent: { notes: [587], every: 8000 },
  technical: { notes: [330], every: 30000 },
}

export class Sound {
  constructor() {
    this.context = new AudioContext()
    this.lastAt = 0
    this.lastTone = ''
  }

  /** @returns {boolean} whether the browser keeps us quiet */
  get blocked() { return this.context.state !== 'running' }

  /** @returns {boolean} whether this operator has switched sound off, for ten minutes at the most */
  get off() { return Number(localStorage.getItem('sound-off-until') ?? 0) > Date.now() }

  /** Ask the browser, in answer to a press. */
  async allow() {
    await this.context.resume()
    this.play('life')
  }

  /** Switch off for ten minutes, or on again. */
  toggle() {
    localStorage.setItem('sound-off-until', this.off ? '0' : String(Date.now() + OFF_FOR_MS))
  }

  /** Ring for the gravest alarm that nobody has. @param {string} tone one of SOUNDS, or empty for none */
  ring(tone) {
    if (!tone || this.off || this.blocked) return
    const due = tone !== this.lastTone || Date.now() - this.lastAt >= SOUNDS[tone].every
    if (!due) return
    this.lastAt = Date.now()
    this.lastTone = tone
    this.play(tone)
  }

  /** Play a sound once. @param {string} tone */
  play(tone) {
    SOUNDS[tone].notes.forEach((frequency, index) => {
      const from = this.context.currentTime + index * 0.22
      const voice = this.context.createOscillator()
      const volume = this.context.createGain()
      voice.frequency.value = frequency
      volume.gain.setValueAtTime(0.18, from)
      volume.gain.exponentialRampToValueAtTime(0.001, from + 0.2)
      voice.connect(volume).connect(this.context.destination)
      voice.start(from)
      voice.stop(from + 0.21)
    })
  }
}
