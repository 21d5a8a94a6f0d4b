// @ts-check
// Small helpers for elements, and `morph`: what is there becomes what should be there, element by element.

/** @param {string} id @returns {HTMLElement} */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id))

/** @param {string} selector @param {ParentNode} [within] @returns {HTMLElement[]} */
export const all = (selector, within = document) => /** @type {HTMLElement[]} */ ([...within.querySelectorAll(selector)])

/** Read HTML of ours without showing it. @param {string} html @returns {DocumentFragment} */
export function parsed(html) {
  const template = document.createElement('template')
  template.innerHTML = html
  return template.content
}

/** What belongs to whoever looks and not to the server: never touched. */
const KEPT = '.told, output, [data-kept]'
const KEPT_ATTRIBUTES = new Set(['open', 'data-kept'])

/**
 * Make an element like a fresh one in place, so that focus, pointer, scroll and typed text stay where they are.
 * @param {Element} old @param {Element} fresh
 */
export function morph(old, fresh) {
  if (old.matches(KEPT)) return
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT_ATTRIBUTES.has(name)) old.removeAttribute(name)
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !KEPT_ATTRIBUTES.has(name)) old.setAttribute(name, value)
  }
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]]
  after.forEach((node, index) => {
    const present = before[index]
    if (!present) old.append(node)
    else if (present.nodeName !== node.nodeName) present.replaceWith(node)
    else if (present instanceof Element) morph(present, /** @type {Element} */ (node))
    else if (present.nodeValue !== node.nodeValue) present.nodeValue = node.nodeValue
  })
  before.slice(after.length).forEach((node) => node.remove())
}

/** Make these the children of a list, moving no more than must. @param {HTMLElement} list @param {HTMLElement[]} wanted */
export function arrange(list, wanted) {
  let at = list.firstElementChild
  for (const element of wanted) {
    if (element === at) at = at.nextElementSibling
    else list.insertBefore(element, at)
  }
  while (at) {
    const next = at.nextElementSibling
    at.remove()
    at = next
  }
}
