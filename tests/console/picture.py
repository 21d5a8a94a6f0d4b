"""The board as a browser shows it, in a form that two browsers can be compared by."""

import asyncio

from playwright.async_api import Page

_SHOWN = """() => {
    const copy = document.getElementById('lanes').cloneNode(true)
    copy.querySelectorAll('[data-since], [data-due], .told').forEach((each) => { each.textContent = '' })
    copy.querySelectorAll('template').forEach((each) => each.remove())
    for (const each of copy.querySelectorAll('*')) {
        for (const name of ['data-hold', 'open']) each.removeAttribute(name)
        each.classList.remove('fresh', 'selected', 'soon')
        if (!each.className) each.removeAttribute('class')
        const sorted = [...each.attributes].map(({ name, value }) => [name, value]).sort()
        for (const [name] of sorted) each.removeAttribute(name)
        for (const [name, value] of sorted) each.setAttribute(name, value)
    }
    const figures = ['waiting', 'over', 'count-life', 'count-technical', 'top-alarm']
    return [
        ...figures.map((id) => `${id}: ${document.getElementById(id).textContent}`),
        ...copy.innerHTML.replace(/\\s+/g, ' ').replace(/ ?(<\\/?(li|ol)\\b)/g, '\\n$1').split('\\n'),
    ]
}"""


async def shown(page: Page) -> list[str]:
    """Return the lanes with the order of their rows, and the figures; less what only time or this viewer changes."""
    found: list[str] = await page.evaluate(_SHOWN)
    return found


async def difference(page: Page, url: str) -> list[str]:
    """Return where the board that has followed the changes differs from one that is loaded now."""
    fresh = await page.context.new_page()
    await fresh.goto(url)
    await fresh.locator("#feed-state:has-text('live')").wait_for()
    live, reloaded = await shown(page), await shown(fresh)
    await fresh.close()
    return [f"{ours} <> {theirs}" for ours, theirs in zip(live, reloaded, strict=False) if ours != theirs] + (
        [] if len(live) == len(reloaded) else [f"{len(live)} lines <> {len(reloaded)}"]
    )


async def agrees(page: Page, url: str) -> None:
    """Wait until the two are equal: a step of a ladder may fall between the two looks."""
    last: list[str] = []
    try:
        async with asyncio.timeout(20):
            while last := await difference(page, url):
                pass
    except TimeoutError as error:
        raise AssertionError("\n".join(last[:20])) from error
