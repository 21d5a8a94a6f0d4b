"""How the simulated provider treats a message: what it answers, what becomes of it, and how it reports. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Service(StrEnum):
    """What a behaviour is for."""

    NOTIFY_SMS = "notify_sms"
    NOTIFY_EMAIL = "notify_email"
    TWILIO_SMS = "twilio_sms"
    CALL = "call"
    PUSH = "push"
    WEBHOOK = "webhook"


class Answer(StrEnum):
    """What the request is answered with."""

    ACCEPT = "accept"
    REJECT = "reject"  # for good: no such number, no such browser
    RATE_LIMITED = "rate_limited"  # 429, over in a moment
    QUOTA = "quota"  # the day's or the account's quota is used up
    FORBIDDEN = "forbidden"  # credentials are refused
    UNAVAILABLE = "unavailable"  # 503
    HANG = "hang"  # no answer until the behaviour is changed
    DIE = "die"  # takes it, and breaks the connection instead of an answer


class When(StrEnum):
    """When reports come, seen from the answer to the request."""

    EARLY = "early"
    ON_TIME = "on_time"
    LATE = "late"
    NEVER = "never"


class Pickup(StrEnum):
    """Who or what takes a call."""

    PERSON = "person"
    VOICEMAIL = "voicemail"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    RINGS = "rings"  # until it is stopped


@dataclass(frozen=True)
class Behaviour:
    """`reports` are the provider's words in the order in which they happen; the usual ones when None.

    `late_s` is how long after the answer late reports come. `key` is what the person presses, on a call.
    """

    answer: Answer = Answer.ACCEPT
    reports: tuple[str, ...] | None = None
    when: When = When.ON_TIME
    late_s: float = 0.2
    twice: bool = False
    backwards: bool = False
    signed: bool = True
    pickup: Pickup = Pickup.PERSON
    key: str | None = None


def sequence(behaviour: Behaviour, usual: Sequence[str]) -> list[str]:
    """Return the reports in the order in which they are sent."""
    if behaviour.when is When.NEVER:
        return []
    words = list(usual if behaviour.reports is None else behaviour.reports)
    if behaviour.backwards:
        words.reverse()
    return [word for word in words for _ in range(2 if behaviour.twice else 1)]


class Plan:
    """Which behaviour the next request meets: one for its address, else one for its service, else acceptance.

    Behaviours set for a number of times are used up before the lasting one.
    """

    def __init__(self) -> None:
        self._lasting: dict[tuple[Service, str | None], Behaviour] = {}
        self._next: dict[tuple[Service, str | None], list[Behaviour]] = {}

    def set(self, service: Service, behaviour: Behaviour, *, to: str | None = None, times: int | None = None) -> None:
        """Set how a service behaves to an address (or all), for so many requests (or for good)."""
        if times is None:
            self._lasting[service, to] = behaviour
        else:
            self._next.setdefault((service, to), []).extend([behaviour] * times)

    def take(self, service: Service, to: str) -> Behaviour:
        """Return the behaviour for one request, and use it up if it was set for a number of times."""
        for key in ((service, to), (service, None)):
            if self._next.get(key):
                return self._next[key].pop(0)
            if key in self._lasting:
                return self._lasting[key]
        return Behaviour()

    def lasting(self, service: Service, to: str) -> Behaviour:
        """Return the behaviour that lasts, for a request that hangs and asks again."""
        return self._lasting.get((service, to)) or self._lasting.get((service, None)) or Behaviour()
