"""Who is protected in a simulated home: judged by what stands there and what it has shown, not by a visit's state."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ALWAYS = frozenset({"voice", "backup_path", "mains_fail", "mains_restored"})
SOAK = timedelta(hours=24)


@dataclass(slots=True)
class Body:
    """What is true in a home, whoever knows it.

    `shown` is what the new hub has done since it was put there; `quiet_since` is the end of its last silence, which may
    be to come, None while it is silent for good; `relied_on` is that somebody has accepted it.
    """

    triggers: frozenset[str]
    served: bool = True
    old_works: bool = True
    new_stands: bool = False
    quiet_since: datetime | None = None
    shown: set[str] = field(default_factory=set)
    relied_on: bool = False

    def new_is_heard(self, now: datetime) -> bool:
        """Say whether the new hub is not silent now."""
        return self.new_stands and self.quiet_since is not None and self.quiet_since <= now

    def new_is_proven(self, now: datetime) -> bool:
        """Say whether the new hub has shown all there is, and was not silent for a day and a night."""
        complete = self.shown >= ALWAYS | self.triggers
        soaked = self.quiet_since is not None and now - self.quiet_since >= SOAK
        return self.new_stands and complete and soaked


@dataclass
class Oracle:
    """Keeps how long people had no proven hub, and every acceptance of one that was not proven."""

    since: dict[int, datetime] = field(default_factory=dict)
    unprotected: timedelta = timedelta(0)
    people: set[int] = field(default_factory=set)
    unproven: int = 0
    looks: int = 0
    _trusted: set[int] = field(default_factory=set)

    def look(self, now: datetime, number: int, body: Body) -> None:
        """Look at one home as it is now; called after whatever happens there."""
        self.looks += 1
        if body.relied_on and number not in self._trusted:
            self._trusted.add(number)
            self.unproven += not body.new_is_proven(now)
        if not body.relied_on:
            self._trusted.discard(number)
        new = body.relied_on and body.new_is_heard(now) and body.shown >= ALWAYS | body.triggers
        if not body.served or body.old_works or new:
            began = self.since.pop(number, None)
            if began is not None:
                self.unprotected += now - began
        elif number not in self.since:
            self.since[number] = now
            self.people.add(number)

    def sweep(self, now: datetime, bodies: Iterable[tuple[int, Body]]) -> None:
        """Look at every home."""
        for number, body in bodies:
            self.look(now, number, body)

    def end(self, now: datetime) -> None:
        """Count those who are unprotected still."""
        for began in self.since.values():
            self.unprotected += now - began
        self.since.clear()
