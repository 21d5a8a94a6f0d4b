"""What goes wrong with our own parts in a scenario, which only real parts can show; and how often it is tried. Pure."""

from typing import ClassVar, Literal

from pydantic import Field

from alarms.policy.scenario_words import Part, Told


class FaultWords(Part):
    """Acts of an event that need the real parts: the database and what runs on it, broker, providers."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        "sender", "commits", "poison", "heal", "listener", "hang", "database", "broker",
    )  # fmt: skip

    sender: Literal["off", "on", "slow"] | None = None
    commits: Literal["fail", "conflict", "work"] | None = Field(
        default=None, description="what becomes of each transaction that changes an alarm, when it is to be committed"
    )
    poison: str | None = Field(default=None, description="from now on our programs fail on the alarm of this name")
    heal: str | None = Field(default=None, description="they do not any more")
    listener: Literal["off", "on"] | None = Field(default=None, description="the connection by which notices come")
    hang: Literal["engine"] | None = Field(default=None, description="whoever takes the next alarm that is due hangs")
    database: Literal["off", "on"] | None = None
    broker: Literal["off", "on"] | None = Field(default=None, description="what it kept is gone with it")

    together: bool = Field(default=False, description="at one instant with its neighbours, and with what is due then")


class OutcomePart(Part):
    """How a race may end: who is told beside those of `expect`, and the log's lines of the kinds that outcomes name."""

    expect: tuple[Told, ...] = ()
    log: tuple[str, ...] = ()


class Trials(Part):
    """How a whole scenario is tried, where it is about chance: by how many at once, and how often."""

    workers: int = Field(default=1, ge=1, le=16, description="as many engines drive at once")
    runs: int = Field(default=1, ge=1, le=1000, description="it is run so often; each time must come out so")
    one_of: tuple[OutcomePart, ...] = Field(default=(), description="how a race may end, and each time must in one way")

    @property
    def crowd(self) -> str | None:
        """The name of what needs real parts here, else None."""
        return "workers" if self.workers > 1 else None
