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

/** @param {Node} node @returns {string} */
const idOf = (node) => (node instanceof Element ? node.id : '')

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
    else if (present.nodeName !== node.nodeName || idOf(present) !== idOf(node)) present.replaceWith(node)
    else if (present instanceof Element) morph(present, /** @type {Element} */ (node))
    else if (present.nodeValue !== node.nodeValue) present.nodeValue = node.nodeValue
  })
  before.slice(after.length).forEach((node) => node.remove())
}

/**
 * Make these the children of a list, moving no more than must: browsers pay dearly for each.
 * @param {HTMLElement} list @param {HTMLElement[]} wanted
 */
export function arrange(list, wanted) {
  const kept = new Set(wanted)
  for (const child of [...list.children]) if (!kept.has(/** @type {HTMLElement} */ (child))) child.remove()
  let at = list.firstElementChild
  for (const element of wanted) {
    // One that has gone down: take it out, its turn comes. Otherwise all between would be moved up instead.
    if (at && at !== element && at.nextElementSibling === element) {
      at.remove()
      at = element
    }
    if (element === at) at = at.nextElementSibling
    else list.insertBefore(element, at)
  }
}
