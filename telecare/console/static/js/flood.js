// @ts-check
// The technical lane in a flood: one row a cause. The same rules as board_view.py; a test holds the two together.
import { all, arrange, byId } from './dom.js'
import { serverNow } from './time.js'

const FLOOD_NEW = 10
const FLOOD_WITHIN_MS = 600000
const FLOOD_GROUP = 3
const CALM_GROUP = 10
const AREAS = 3

/** Where alarms are, the most frequent councils first. @param {HTMLElement[]} members @returns {string} */
function areas(members) {
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (const { dataset } of members) counts.set(dataset.council ?? '', (counts.get(dataset.council ?? '') ?? 0) + 1)
  const listed = [...counts].sort(([a, many], [b, others]) => others - many || (a < b ? -1 : 1))
  const more = listed.length > AREAS ? ` and ${listed.length - AREAS} more` : ''
  return listed.slice(0, AREAS).map(([name, count]) => `${name} ${count}`).join(', ') + more
}

/** Make a group of its members, the worst first. @param {HTMLElement | undefined} present @param {HTMLElement[]} members @returns {HTMLElement} */
function grouped(present, members) {
  const template = /** @type {HTMLTemplateElement} */ (byId('group-template'))
  const group = present ?? /** @type {HTMLElement} */ (document.importNode(template.content, true).firstElementChild)
  const [worst] = members
  group.dataset.cause = worst.dataset.type
  const said = {
    words: worst.dataset.words ?? '',
    count: `${members.length} homes`,
    worst: `Worst: ${worst.dataset.name}, ${worst.dataset.place}`,
    areas: areas(members),
  }
  for (const [name, text] of Object.entries(said)) {
    const shown = /** @type {HTMLElement} */ (group.querySelector(`.group-${name}`))
    if (shown.textContent !== text) shown.textContent = text
  }
  const age = /** @type {HTMLElement} */ (group.querySelector('.group-age'))
  age.replaceChildren(/** @type {Element} */ (worst.querySelector('.when .age')).cloneNode(true))
  arrange(/** @type {HTMLElement} */ (group.querySelector('.alarms')), members)
  return group
}

/** What stands in the lane: rows, and groups of what nobody has. @param {HTMLElement[]} sorted all technical rows in order @returns {HTMLElement[]} */
export function entries(sorted) {
  const fresh = sorted.filter((row) => serverNow() - Date.parse(row.dataset.raised ?? '') <= FLOOD_WITHIN_MS)
  const flood = fresh.length >= FLOOD_NEW
  byId('flood').hidden = !flood
  /** @type {Map<string, HTMLElement[]>} */
  const free = new Map()
  for (const row of sorted.filter((each) => each.dataset.handling === 'raised')) {
    const type = row.dataset.type ?? ''
    free.set(type, [...(free.get(type) ?? []), row])
  }
  const present = new Map(all('#lane-technical > .group').map((group) => [group.dataset.cause, group]))
  /** @type {Set<HTMLElement>} */
  const shown = new Set()
  for (const row of sorted) {
    const members = free.get(row.dataset.type ?? '') ?? []
    const alone = row.dataset.handling !== 'raised' || members.length < (flood ? FLOOD_GROUP : CALM_GROUP)
    if (alone) shown.add(row)
    else if (row === members[0]) shown.add(grouped(present.get(row.dataset.type), members))
  }
  return [...shown]
}
