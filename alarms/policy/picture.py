"""A timeline as a picture (SVG): a line for each party, a mark for each message, time from left to right. Pure.

Colours come with shapes and words, and the same facts stand in the table beside it.
"""

from datetime import timedelta
from html import escape

from alarms.policy.calendar import LONDON
from alarms.policy.simulate import Timeline, Told

WIDTH, LEFT, RIGHT, TOP, LINE = 960, 190, 30, 46, 34
SHAPES = {"sms": "s", "voice": "v", "email": "e", "push": "p", "webhook": "w", "apprise": "a"}
FEWEST_S = 60
LETTERS = 'font-family="system-ui, sans-serif" font-size="13" fill="currentColor"'
MARKS = 6


def picture(timeline: Timeline) -> str:
    """Return the SVG of a timeline; its title says in one sentence what it shows."""
    parties = list(dict.fromkeys(told.who for told in timeline.told))
    last = max([*(told.at for told in timeline.told), *(said.at for said in timeline.said), timeline.start])
    span = max(FEWEST_S, (last - timeline.start).total_seconds())
    height = TOP + LINE * max(1, len(parties)) + 20
    first = timeline.start.astimezone(LONDON)
    title = f"Who is told when, from {first:%H:%M:%S on %A %d %B %Y}: {len(timeline.told)} messages"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" {LETTERS}>'
    parts = [head, f"<title>{escape(title)}</title>"]
    for mark in range(MARKS + 1):
        seconds = span * mark / MARKS
        x = _x(seconds, span)
        parts.append(f'<line x1="{x}" y1="{TOP - 14}" x2="{x}" y2="{height - 14}" stroke="currentColor" opacity=".2"/>')
        parts.append(f'<text x="{x}" y="{TOP - 22}" text-anchor="middle">{_after(seconds)}</text>')
    for row, who in enumerate(parties):
        y = TOP + LINE * row + LINE // 2
        parts.append(f'<text x="{LEFT - 14}" y="{y + 4}" text-anchor="end">{escape(who[:26])}</text>')
        parts.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="currentColor" opacity=".35"/>')
        parts += [
            _mark(told, _x((told.at - timeline.start).total_seconds(), span), y)
            for told in timeline.told
            if told.who == who
        ]
    if not parties:
        parts.append(f'<text x="{LEFT}" y="{TOP + LINE // 2}">Nobody is told outside of the control room.</text>')
    return "".join([*parts, "</svg>"])


def _mark(told: Told, x: float, y: int) -> str:
    moment = told.at.astimezone(LONDON)
    words = f"{moment:%H:%M:%S} {told.who} by {told.channel}: {told.reason}"
    letter = SHAPES.get(told.channel, "?").upper()
    return (
        f'<g><title>{escape(words)}</title><circle cx="{x}" cy="{y}" r="11" fill="#1d4f91"/>'
        f'<text x="{x}" y="{y + 4}" text-anchor="middle" fill="#fff" font-size="11">{letter}</text></g>'
    )


def _x(seconds: float, span: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * seconds / span, 1)


def _after(seconds: float) -> str:
    whole = timedelta(seconds=round(seconds))
    minutes, rest = divmod(int(whole.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
