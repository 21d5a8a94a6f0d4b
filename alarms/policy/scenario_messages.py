"""What becomes of messages in a scenario once they have left, and what people say back: on real parts only. Pure."""

from typing import ClassVar, Literal

from pydantic import Field

from alarms.policy.scenario_words import Part, WayOf


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


class MessageWords(Part):
    """Acts of an event that come from providers, and from people who reply to what they were sent."""

    MESSAGES: ClassVar[tuple[str, ...]] = ("report", "text")

    report: ReportPart | None = Field(default=None, description="a provider says what became of a message")
    text: TextPart | None = Field(default=None, description="somebody replies by text")


class MessageChecks(Part):
    """What is known of messages."""

    reports: tuple[Literal["held", "applied", "orphan"], ...] | None = Field(
        default=None, description="what became of the reports of providers, in the order in which they came"
    )
