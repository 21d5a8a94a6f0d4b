"""What becomes of messages in a scenario once they have left, and what people say back: on real parts only. Pure."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from alarms.policy.scenario_words import CHANNELS, Moment, Part, WayOf


class ProviderPart(Part):
    """How the provider of a way answers from now on: for so many messages, for so long, or until it is said anew."""

    way: Literal[CHANNELS]  # type: ignore[valid-type]
    does: Literal["takes", "busy", "hangs", "refuses", "spent", "takes and dies", "reports first"]
    times: int | None = Field(default=None, ge=1)
    for_: Moment | None = Field(default=None, alias="for")
    name: Literal["first", "second"] | None = Field(default=None, description="of two that the way has then")


class KillPart(Part):
    """A program of ours dies without warning at a point, the next time that it gets there; another takes its place."""

    sender: Literal["bundling", "taken", "handed over"] | None = None
    ingest: Literal["before commit", "after commit"] | None = None

    @model_validator(mode="after")
    def _one_program(self) -> "KillPart":
        if (self.sender is None) == (self.ingest is None):
            raise ValueError("one program dies; write kill: {sender: taken}, or kill: {ingest: before commit}")
        return self


class ReportPart(Part):
    """What a provider says of a message, in its own word for it."""

    of: WayOf | None = Field(default=None, description="the message; left out, one that nobody knows")
    says: str = "delivered"
    forged: bool = Field(default=False, description="it does not prove that it is the provider's")
    bytes: int = Field(default=0, ge=0, le=10_000_000, description="how long its body is at least")


class TextPart(Part):
    """A text of somebody to our number."""

    from_: WayOf = Field(alias="from")
    says: str
    forged: bool = Field(default=False, description="it does not prove that it comes from the network's operator")


class MessageWords(Part):
    """Acts of an event that come from providers, and from people who reply to what they were sent."""

    MESSAGES: ClassVar[tuple[str, ...]] = ("provider", "kill", "backlog", "hand_over", "report", "text")

    provider: ProviderPart | None = Field(default=None, description="the provider of a way answers otherwise")
    kill: KillPart | None = Field(default=None, description="a program of ours dies at a point")
    backlog: int | None = Field(default=None, ge=1, le=1000, description="so many technical messages to others wait")
    hand_over: int | None = Field(default=None, ge=1, description="a sender that is off hands over so many")
    report: ReportPart | None = Field(default=None, description="a provider says what became of a message")
    text: TextPart | None = Field(default=None, description="somebody replies by text")


class MessageChecks(Part):
    """What is known of messages."""

    reports: tuple[Literal["held", "applied", "orphan"], ...] | None = Field(
        default=None, description="what became of the reports of providers, in the order in which they came"
    )
    shown: dict[WayOf, int] | None = Field(
        default=None, description="how many messages a provider shows by now that knows a repeat by its key"
    )
    ahead: dict[WayOf, int] | None = Field(
        default=None, description="how many messages were handed over before the first one by a way"
    )
    taken_by: dict[str, int] | None = Field(default=None, description="how many messages each provider has taken")
