"""Firmware in words and as a picture: how images, rollouts and their hubs stand. Pure."""

from collections.abc import Mapping, Sequence
from html import escape

from devices.firmware.schemas import RolloutOut, WaveOut
from telecare.console.view import Badge

WIDTH, BAR, LABEL, GAP, LEAST = 1120, 26, 20, 14, 6

MEMBERS = {
    "done": Badge("●", "Done", "good"),
    "updating": Badge("◐", "Updating", "quiet"),
    "asked": Badge("◌", "Asked", "quiet"),
    "failed": Badge("■", "Failed", "bad"),
    "pending": Badge("○", "To come", "quiet"),
    "skipped": Badge("△", "Left out", "warn"),
}
"""In the order of the picture: what is behind us, what is on its way, what went wrong, what is to come."""

ROLLOUTS = {
    "draft": Badge("◇", "Draft", "quiet"),
    "running": Badge("▶", "Running", "good"),
    "paused": Badge("◧", "Paused", "warn"),
    "halted": Badge("■", "Halted", "bad"),
    "done": Badge("●", "Done", "good"),
    "cancelled": Badge("△", "Cancelled", "quiet"),
}

IMAGES = {
    "draft": Badge("◇", "Not released", "quiet"),
    "released": Badge("●", "Released", "good"),
    "blocked": Badge("■", "Blocked", "bad"),
}

STEPS = {
    "downloading": "loads it",
    "downloaded": "looks whether it is genuine",
    "verified": "found it genuine",
    "updating": "starts anew with it",
}


def wave_name(wave: WaveOut) -> str:
    """Return which hubs a wave has, in words."""
    return "named hubs" if wave.share_pct is None else f"up to {wave.share_pct} %"


def wave_state(wave: WaveOut) -> Badge:
    """Return how far a wave is."""
    if wave.settled_at is not None:
        return Badge("●", "Settled", "good")
    return Badge("◐", "On now", "warn") if wave.began_at is not None else Badge("○", "To come", "quiet")


def counted(hubs: Mapping[str, int]) -> list[tuple[str, Badge, int]]:
    """Return how many hubs are in each state that some are in, with its badge."""
    return [(state, badge, hubs[state]) for state, badge in MEMBERS.items() if hubs.get(state)]


def in_words(hubs: Mapping[str, int]) -> str:
    """Return the same in words: 3 done, 1 failed."""
    said = [f"{count} {badge.word.lower()}" for _, badge, count in counted(hubs)]
    return ", ".join(said) or "no hubs"


def span(seconds: int) -> str:
    """Return a span of time in words."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit.removesuffix('s') if count == 1 else unit}"
    return f"{seconds} s"


def rule(rollout: RolloutOut) -> list[str]:
    """Return when a rollout halts, a sentence each."""
    halt = rollout.halt
    back = span(halt.back_within_s)
    return [
        f"{halt.silent} {'hub is' if halt.silent == 1 else 'hubs are'} not heard again within {back} of starting anew",
        f"{halt.failures} {'hub has' if halt.failures == 1 else 'hubs have'} failed, for whatever reason",
        f"more than {halt.failed_pct} % of those that ended have failed",
        f"two updated hubs are offline, and their share is {halt.offline_margin_pct} points above that of the others",
        "the image is blocked",
    ]


def picture(waves: Sequence[WaveOut]) -> str:
    """Return the SVG of the waves: a bar each, as long as its share of all hubs, in parts by state.

    A state is the place, the pattern and the word of its part; the table below says the same.
    """
    most = max((sum(wave.hubs.values()) for wave in waves), default=0)
    rows = [_wave(wave, index, most) for index, wave in enumerate(waves)]
    height = len(waves) * (BAR + LABEL + GAP)
    label = "The waves with their hubs by state; the table below says the same"
    return (
        f'<svg class="waves" viewBox="-8 -4 {WIDTH + 16} {height}" role="img" aria-label="{label}">'
        '<defs><pattern id="failed" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="bad-ground" width="8" height="8"/><rect class="bad-line" width="3" height="8"/></pattern></defs>'
        f"{''.join(rows)}</svg>"
    )


def _wave(wave: WaveOut, index: int, most: int) -> str:
    top = index * (BAR + LABEL + GAP)
    state = wave_state(wave)
    words = f"{state.shape} Wave {wave.number + 1}, {wave_name(wave)}: {in_words(wave.hubs)}"
    parts, left = [], 0.0
    for name, badge, count in counted(wave.hubs):
        width = max(LEAST, WIDTH * count / most)
        title = f"<title>{escape(f'{count} {badge.word.lower()}')}</title>"
        bar = f'<rect x="{left:.1f}" y="{top + LABEL}" width="{width:.1f}" height="{BAR}"/>'
        parts.append(f'<g class="is-{name}">{title}{bar}</g>')
        left += width
    return f'<text x="0" y="{top + LABEL - 6}">{escape(words)}</text>{"".join(parts)}'
