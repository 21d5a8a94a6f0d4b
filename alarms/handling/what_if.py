"""“What happens if this pendant is pressed at 03:12 on Sunday?”: the core on a simulated clock, with the real rota.

Nothing is written and nobody is told. Contact points, responders and rotas are looked up as they are for that moment,
by the same code that the engine uses; so is planned work, but for that of single hubs.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from alarms.escalation.decide import decide
from alarms.escalation.domain import Holder, Ladder
from alarms.escalation.inputs import Acked, Raised
from alarms.escalation.ladders import BY_CLASS
from alarms.handling.targets import Targets
from alarms.policy.calendar import local_at
from alarms.policy.document import PolicyDocument
from alarms.policy.matching import Facts, Live, choose, rank_of
from alarms.policy.repository import PolicyRepository
from alarms.policy.simulate import FIRST, AlarmType, Timeline
from alarms.work.domain import quiet_until
from alarms.work.repository import WorkRepository

MOST_STEPS = 500
SOMEBODY = Holder("00000000-0000-0000-0000-000000000000", "An operator")


@dataclass(frozen=True)
class Question:
    """An alarm that might come. `answered_at_step`: an operator claims it as soon as that step is told."""

    type: str
    known: AlarmType
    at: datetime
    council_id: str | None = None
    person_id: UUID | None = None
    tier: str | None = None
    answered_at_step: int | None = None
    lasts: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Answer:
    """What would happen, by which ladder, and which rotas cannot be read."""

    ladder: Ladder
    timeline: Timeline
    unreadable: tuple[str, ...]


async def what_if(
    session: AsyncSession, targets: Targets, question: Question, draft: PolicyDocument | None = None
) -> Answer:
    """Return the timeline; `draft` is a policy that is not saved yet, instead of the one that fits."""
    person = str(question.person_id) if question.person_id else None
    facts = Facts(
        question.council_id, person, question.tier, question.known.class_, question.type, local_at(question.at)
    )
    live = Live(draft, 0) if draft else choose((await PolicyRepository(session).live(question.council_id)).live, facts)
    ladder = live.ladder if live else BY_CLASS[question.known.class_]
    rank = rank_of(live.document if live else None, question.known.rank)
    windows = await WorkRepository(session).on_at(question.at)
    quiet = quiet_until(windows, question.council_id, None, question.at, question.at)
    known = question.known
    raised = Raised("what-if", question.type, known.class_, rank, ladder, known.words, question.at, quiet)
    standing = await targets.standing(session, question.council_id, question.person_id)
    timeline, unreadable = Timeline(question.at), dict[str, None]()
    decision = decide(None, raised, question.at)
    timeline.take(FIRST, question.at, decision)
    end = question.at + question.lasts
    for _ in range(MOST_STEPS):
        due = decision.state.next_due_at
        if due is None or due > end:
            break
        event, broken = await targets.timer_due(session, question.council_id, standing, decision.state, due)
        unreadable |= dict.fromkeys(broken)
        decision = decide(decision.state, event, due)
        timeline.take(FIRST, due, decision)
        reached = question.answered_at_step is not None and decision.state.step >= question.answered_at_step
        if reached and decision.state.claim is None:
            decision = decide(decision.state, Acked(SOMEBODY), due)
            timeline.take(FIRST, due, decision)
            break
    return Answer(ladder, timeline, tuple(unreadable))
