// @ts-check
// One key for each thing; none acts while somebody types, with a modifier, or again while it is held down.

/** @typedef {Record<string, (event: KeyboardEvent) => void>} Actions by lower-case key */

/** Listen for keys. Escape leaves a field first. @param {Actions} actions */
export function onKeys(actions) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return
    const target = /** @type {HTMLElement} */ (event.target)
    if (target.closest('input, textarea, select, [contenteditable]')) {
      if (event.key === 'Escape') target.blur()
      return
    }
    const pressing = target.closest('button, a, summary') && (event.key === 'Enter' || event.key === ' ')
    const action = actions[event.key.toLowerCase()]
    const again = event.repeat && !'jk'.includes(event.key.toLowerCase())
    if (!action || pressing) return
    event.preventDefault()
    if (!again) action(event)
  })
}
