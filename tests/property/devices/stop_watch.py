"""Somebody with a stop-watch: where a hub stands by the words of docs/hub-protocol.md, and by nothing of ours.

A miss is a heartbeat that has not come by the time at which it was due, and its grace. With one the hub is late, with
two suspect, with as many as its limit offline, after a day lost; whoever has missed one is online with two heartbeats.
"""

DAY = 86_400
GRAVITY = ("online", "late", "suspect", "offline", "lost")


class StopWatch:
    """One hub, and what somebody wrote down of it by the clock on the wall: each state, and when it began."""

    def __init__(self, interval_s: int, grace_s: int, miss_limit: int) -> None:
        missed = {"late": 1, "suspect": 2, "offline": miss_limit}
        self.silences = {state: interval_s * misses + grace_s for state, misses in missed.items()}
        self.silences["lost"] = DAY
        self.written: list[tuple[str, int]] = []
        self._silent_from = 0
        self._heartbeats = 0

    @property
    def state(self) -> str:
        return self.written[-1][0] if self.written else "never_seen"

    def wait(self, until: int) -> None:
        """Go on until a moment at which nothing was heard."""
        for state in sorted(self.silences, key=lambda each: (self.silences[each], -GRAVITY.index(each))):
            began = self._silent_from + self.silences[state]
            if not self.written or began > until:
                return
            self._heartbeats = 0
            if GRAVITY.index(state) > GRAVITY.index(self.state):
                self.written.append((state, began))

    def hear(self, at: int) -> None:
        """Hear a heartbeat; what is due at this very moment has come."""
        self.wait(at - 1)
        self.hear_again(at)

    def hear_again(self, at: int) -> None:
        """Hear for the first time after a pause of ours that is no gap: what has come in it has come now."""
        self._silent_from = max(self._silent_from, at)
        self._heartbeats += 1
        if not self.written or (self.state != "online" and self._heartbeats >= 2):
            self.written.append(("online", at))

    def begin_anew(self, at: int, *, came_meanwhile: bool) -> None:
        """Hear again after a gap of ours: no silence in it counts, and what came in it proves no more than a hub."""
        self._silent_from = max(self._silent_from, at)
        if came_meanwhile and not self.written:
            self.written.append(("online", at))

    def is_set_back(self, to: int) -> None:
        """See the clock on the wall set back: its time comes once more, and what lasts has lasted since then."""
        self._silent_from = to
        if self.written:
            (state, began), before = self.written[-1], self.written[:-1]
            self.written = [*(one for one in before if one[1] < to), (state, min(began, to))]
