// @ts-check
// The list of outcomes, found by any word: typing `amb` chooses “Handed to the ambulance service”.

const PAUSE_MS = 1200

/** Let a list be searched by what stands anywhere in its words. @param {HTMLSelectElement} list */
export function findByWord(list) {
  let typed = ''
  let at = 0
  list.addEventListener('keydown', (event) => {
    if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === ' ' && !typed) return // opens the list
    typed = (Date.now() - at > PAUSE_MS ? '' : typed) + event.key.toLowerCase()
    at = Date.now()
    event.preventDefault()
    const words = [...list.options].map((option) => (option.value ? option.text.toLowerCase() : ''))
    const starts = words.findIndex((text) => text.split(/\W+/).some((word) => word.startsWith(typed)))
    const found = starts >= 0 ? starts : words.findIndex((text) => text.includes(typed))
    if (found < 0 || found === list.selectedIndex) return
    list.selectedIndex = found
    list.dispatchEvent(new Event('change', { bubbles: true }))
  })
}
