// @ts-check
// One key for each thing; none fires while somebody types or with a modifier.

/** Listen for keys. @param {Record<string, (event: KeyboardEvent) => void>} actions by lower-case key */
export function onKeys(actions) {
  document.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target)
    const typing = target.closest('input, textarea, select, [contenteditable]')
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (typing && event.key !== 'Escape') return
    const pressing = target.closest('button, a, summary') && (event.key === 'Enter' || event.key === ' ')
    const action = actions[event.key.toLowerCase()]
    if (!action || pressing) return
    event.preventDefault()
    action(event)
  })
}
