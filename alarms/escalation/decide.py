"""The pure core: `decide(state, event, now) -> Decision`. The same arguments give the same result, always.

The rules lie by who acts: `hub_rules`, `operator_rules`, `responder_rules`, and `timer` for what time does.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from alarms.escalation import hub_rules, operator_rules, responder_rules
from alarms.escalation.domain import Decision, Handling, RuleError, State
from alarms.escalation.draft import Draft
from alarms.escalation.inputs import (
    Accepted,
    Acked,
    Annotated,
    Arrived,
    Attended,
    AtTheHome,
    Cleared,
    Closed,
    ContactAttempted,
    Declined,
    Delivered,
    Escalated,
    Finished,
    Held,
    HubCancelled,
    Input,
    NoSpeech,
    Noted,
    OnTheWay,
    Raised,
    Released,
    Renewed,
    Repeated,
    Rerouted,
    RulesChanged,
    Shelved,
    TimerDue,
    VoiceLost,
    WorkMoved,
)
from alarms.escalation.timer import timer

WITHOUT_NEW_VERSION = (Noted, ContactAttempted, Delivered, Annotated, RulesChanged, WorkMoved)
"""Inputs that change nothing an operator decides on: a button pressed meanwhile is not stale."""


def decide(state: State | None, event: Input, now: datetime) -> Decision:
    """Return what follows from `event` at `now` (the database's clock).

    Raises RuleError when a rule forbids it; then nothing has changed.
    """
    if isinstance(event, Raised):
        if state is not None:
            raise RuleError("This alarm has been raised already")
        return hub_rules.raise_alarm(event, _first_state(event))
    if state is None:
        raise RuleError("There is no such alarm")
    if state.handling is Handling.CLOSED and not isinstance(event, Delivered):
        raise RuleError(f"This alarm is closed ({state.outcome}); closed is final")
    new = state if isinstance(event, WITHOUT_NEW_VERSION) else replace(state, version=state.version + 1)
    draft = Draft(new, now)
    _RULES[type(event)](draft, event)
    if not draft.log:  # a timer that found nothing due, or work that was moved and quiets nothing here
        return Decision(state, (), ())
    return Decision(draft.state, tuple(draft.effects), tuple(draft.log))


def _first_state(event: Raised) -> State:
    return State(
        alarm_id=event.alarm_id,
        version=1,
        type=event.type,
        class_=event.class_,
        rank=event.rank,
        ladder=event.ladder,
        raised_at=event.received_at,
        step_due_at=event.received_at,
    )


_RULES: dict[type[Any], Callable[[Draft, Any], None]] = {
    Repeated: hub_rules.repeat,
    HubCancelled: hub_rules.hub_cancel,
    Cleared: hub_rules.clear,
    Annotated: hub_rules.annotate,
    VoiceLost: hub_rules.lose_voice,
    Arrived: hub_rules.arrive,
    Delivered: hub_rules.deliver,
    RulesChanged: hub_rules.change_rules,
    Rerouted: hub_rules.reroute,
    WorkMoved: hub_rules.move_work,
    TimerDue: timer,
    Acked: operator_rules.ack,
    Renewed: operator_rules.renew,
    Released: operator_rules.release,
    Attended: operator_rules.attend,
    Held: operator_rules.hold,
    Escalated: operator_rules.escalate,
    Shelved: operator_rules.shelve,
    NoSpeech: operator_rules.no_speech,
    Noted: operator_rules.note,
    ContactAttempted: operator_rules.contact,
    Closed: operator_rules.close,
    Accepted: responder_rules.accept,
    Declined: responder_rules.decline,
    OnTheWay: responder_rules.set_out,
    AtTheHome: responder_rules.be_there,
    Finished: responder_rules.finish,
}
