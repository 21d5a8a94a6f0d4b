"""Scenarios on the default ladders: at these seconds exactly these people are told, and nobody else."""

from dataclasses import replace

import pytest

from alarms.escalation.decide import decide
from alarms.escalation.domain import Condition, Handling, RuleError, Step, Target
from alarms.escalation.inputs import (
    Acked,
    Arrived,
    Attended,
    Cleared,
    Closed,
    Delivered,
    Escalated,
    Fate,
    Held,
    HubCancelled,
    Released,
    Renewed,
    Repeated,
    Rerouted,
    Shelved,
    TimerDue,
    VoiceLost,
)
from alarms.escalation.ladders import BY_CLASS, LIFE_SAFETY, TECHNICAL
from alarms.escalation.outcomes import OUTCOMES, Needs, Outcome
from alarms.escalation.ranks import VOICE_LOST
from alarms.handling.domain import board_key, what_next
from alarms.intake.types import TYPES
from tests.unit.alarms.run import ANN, BOB, EVERYBODY, T0, Run, party

LADDER = [(60, "Sue"), (120, "Partner"), (180, "Dougie"), (180, "Niece"), (180, "Son")]


def catch_all(*seconds: float) -> list[tuple[float, str]]:
    return [(at, who) for at in seconds for who in ("Sue", "Dougie")]


# C01, R28


def test_nobody_acts_and_each_is_told_at_their_second():
    run = Run()
    rings = {second: run.until(second).state.ring for second in (0, 29, 30)}
    assert rings == {0: 1, 29: 1, 30: 2}
    run.until(239)
    assert run.told == LADDER
    assert run.kinds() == ["raised", *["step"] * 5]


def test_after_the_last_step_the_catch_all_repeats_until_a_human_has_it():
    run = Run().until(400)
    assert run.told == LADDER + catch_all(240, 300, 360)
    run.do(Acked(ANN), at=410)
    assert run.told_since(400) == []
    assert run.due == 410 + LIFE_SAFETY.ack_s - LIFE_SAFETY.remind_s


def test_a_claim_lasts_as_long_as_the_ladder_says_that_the_alarm_is_on_now():
    """It was good for a day while this was technical; nobody may sit on something grave for so long."""
    run = Run(TECHNICAL, "T", 50)
    run.do(Acked(ANN), at=10)
    run.do(Rerouted(LIFE_SAFETY, "It is grave"), at=20)
    assert run.state.claim is not None
    assert run.state.claim.holder == ANN
    assert run.due == 20 + LIFE_SAFETY.ack_s - LIFE_SAFETY.remind_s


def test_what_is_moved_to_another_ladder_comes_off_the_shelf():
    """It was shelved for what it seemed to be: nobody may wait for an hour to be told of something grave."""
    run = Run(TECHNICAL, "T", 50)
    run.do(Shelved(ANN, 3600, "It is known"), at=10)
    assert run.due == 10 + 3600
    run.do(Rerouted(LIFE_SAFETY, "It is grave"), at=20)
    assert run.state.shelved_until is None
    assert run.kinds(20) == ["rerouted", "step"]
    assert run.said("rerouted")[0].endswith("It is off the shelf.")


# C02


def test_fire_stands_first_whatever_waits_and_however_often_it_was_repeated():
    pendants = [Run(rank=TYPES["pendant"].rank) for _ in range(10)]
    for pendant in pendants:
        for second in range(1, 8):
            pendant.do(Repeated("Pendant pressed", TYPES["pendant"].rank), at=second)
    smoke = Run(rank=TYPES["smoke"].rank)
    others = [board_key(run.state.rank, T0, i) for i, run in enumerate(pendants)]
    assert all(board_key(smoke.state.rank, T0, 99) < other for other in others)


@pytest.mark.parametrize("name", [name for name, row in TYPES.items() if row.treatment == "alarm"])
def test_a_repeat_never_lifts_an_alarm_over_a_graver_kind(name: str):
    row = TYPES[name]
    run = Run(ladder=BY_CLASS[row.class_], class_=row.class_, rank=row.rank)
    for _ in range(20):
        run.do(Repeated(row.words, row.rank))
    graver = [other.rank for other in TYPES.values() if other.rank < row.rank]
    assert run.state.rank > max(graver, default=-1)
    assert run.state.rank <= row.rank


# C03


def test_a_second_press_raises_the_case_and_tells_nobody_again_who_was_just_told():
    run = Run()
    run.do(Repeated("Pendant pressed", 10), at=20)
    assert (run.state.events, run.state.rank) == (2, 9)
    assert run.until(119).told == [(60, "Sue")]
    run.do(Repeated("Pendant pressed", 10), at=70)
    assert run.told_since(61) == []
    assert run.until(90).told_since(61) == [(90, "Partner")], "sooner than its second, not before 30 s"


def test_a_press_after_the_cause_was_gone_makes_it_active_again():
    run = Run()
    run.do(Cleared("Back to normal"), at=5)
    run.do(Repeated("Pendant pressed", 10), at=6)
    assert run.state.condition is Condition.ACTIVE


# C04, C05


def test_a_cancel_at_the_unit_annotates_and_the_ladder_goes_on():
    run = Run()
    run.do(HubCancelled(), at=8)
    assert run.state.handling is Handling.RAISED
    assert run.until(239).told == LADDER
    for outcome in ("accidental", "test"):
        with pytest.raises(RuleError, match="voice check"):
            run.do(Closed(ANN, outcome))
    run.do(Closed(ANN, "accidental", voice_confirmed=True))
    assert run.state.handling is Handling.CLOSED


def test_a_cause_that_clears_unseen_stays_on_the_queue():
    run = Run()
    run.do(Cleared("Heat back to normal"), at=5)
    assert (run.state.condition, run.state.handling) == (Condition.CLEARED, Handling.RAISED)
    assert run.until(239).told == LADDER


def test_a_technical_alarm_ends_when_its_cause_does_but_not_under_somebodys_hands():
    run = Run(ladder=TECHNICAL, class_="T", rank=50)
    run.do(Cleared("Mains power back"), at=60)
    assert (run.state.handling, run.state.outcome, run.due) == (Handling.CLOSED, "technical_auto", None)
    held = Run(ladder=TECHNICAL, class_="T", rank=50)
    held.do(Acked(ANN), at=5)
    held.do(Cleared("Mains power back"), at=60)
    assert held.state.handling is Handling.ACKED


def test_no_ladder_makes_a_life_safety_alarm_end_by_itself():
    run = Run(ladder=replace(LIFE_SAFETY, closes_when_cleared=True))
    run.do(Cleared("Back to normal"), at=5)
    assert run.state.handling is Handling.RAISED


# C07


def test_a_hold_is_told_to_a_second_human_after_a_minute_and_the_claim_runs_on():
    run = Run()
    run.do(Acked(ANN), at=10)
    run.do(Held(ANN, "another line"), at=30)
    with pytest.raises(RuleError, match="already"):
        run.do(Held(ANN, "again"), at=80)
    assert run.until(90).told == [(90, "Sue")]
    assert run.kinds(90) == ["hold_ended"]
    assert run.state.claim.expires_at.timestamp() == T0.timestamp() + 310


def test_a_hold_is_told_to_the_duty_manager_where_there_is_no_supervisor():
    run = Run(parties={**EVERYBODY, Target.SUPERVISOR: ()})
    run.do(Acked(ANN), at=10)
    run.do(Held(ANN, ""), at=30)
    assert run.until(90).told == [(90, "Dougie")]
    assert run.said("hold_ended") == ["The hold is over its limit; told: Dougie."]
    assert run.uncovered == [(90, (Target.SUPERVISOR,))]


def test_whoever_takes_the_call_off_hold_ends_the_hold():
    run = Run()
    run.do(Acked(ANN), at=10)
    run.do(Held(ANN, ""), at=30)
    run.do(Acked(ANN), at=50)
    assert run.said("acked") == ["Ann has it.", "Ann has it in hand again."]
    assert run.until(289).told == []


# C08


def test_a_call_that_drops_is_back_at_the_top_and_the_second_ring_group_is_called_at_once():
    run = Run().until(61)
    run.do(Acked(ANN), at=61)
    run.do(VoiceLost("Voice call ended", 5), at=100)
    assert (run.state.handling, run.state.claim, run.state.rank) == (Handling.RAISED, None, 5)
    assert run.said("voice_lost") == ["Voice call ended while Ann had it: it is back at the top of the queue."]
    assert run.said("step")[3] == "Step 2: told the second ring group."
    assert run.until(219).told_since(62) == [(130, "Sue"), (190, "Partner")]


def test_a_call_that_drops_before_anybody_had_it_never_holds_the_ladder_down():
    run = Run()
    for second in range(5, 180, 5):
        run.do(VoiceLost("Voice call ended", 5), at=second)
    assert run.state.rank == 5
    assert run.told == [(60, "Sue"), (90, "Partner"), (120, "Dougie"), (120, "Niece"), (120, "Son"), *catch_all(150)]


def test_a_call_that_ends_calls_nobody_back_from_their_way():
    run = Run()
    run.do(Acked(ANN), at=10)
    run.do(Attended(ANN, "Responder 7"), at=20)
    run.do(VoiceLost("Voice call ended", 5), at=30)
    assert run.state.handling is Handling.ATTENDING
    assert run.kinds(30) == ["voice_ended"]


def test_nothing_drops_over_a_fire_and_nothing_but_life_safety_is_lifted():
    fire = Run(rank=TYPES["smoke"].rank)
    fire.do(VoiceLost("Voice call ended", VOICE_LOST), at=5)
    assert fire.state.rank == TYPES["smoke"].rank < TYPES["gas"].rank < VOICE_LOST < TYPES["pendant"].rank - 1
    job = Run(ladder=TECHNICAL, class_="T", rank=50)
    job.do(VoiceLost("Voice call ended", VOICE_LOST), at=5)
    assert (job.state.rank, job.kinds(5)) == (50, ["voice_ended"])


# C09


def test_a_responder_who_accepts_and_never_arrives():
    run = Run()
    run.do(Acked(ANN), at=10)
    run.do(Attended(ANN, "Responder 7"), at=20)
    arrival = 20 + 45 * 60
    run.until(arrival)
    assert run.kinds(arrival) == ["arrival_asked"]
    assert run.told_since(20) == []
    run.until(arrival + 300)
    assert run.kinds(arrival + 300)[:2] == ["arrival_missed", "step"]
    assert run.told_since(20) == [(arrival + 300, "Sue")]
    assert run.state.handling is Handling.RAISED


def test_a_responder_who_says_so_at_the_unit_has_arrived():
    run = Run()
    run.do(Acked(ANN), at=10)
    run.do(Attended(ANN, "Responder 7"), at=20)
    run.do(Arrived("Responder on site"), at=20 + 46 * 60)
    assert run.said("arrived") == ["Responder on site: Ann has it in hand again."]
    assert (run.state.handling, run.due) == (Handling.ACKED, 20 + 46 * 60 + 240)
    assert run.told == []


def test_its_holder_may_answer_that_somebody_is_there():
    run = Run()
    run.do(Acked(ANN), at=10)
    run.do(Attended(ANN, "Responder 7"), at=20)
    run.do(Acked(ANN), at=20 + 46 * 60)
    assert (run.state.handling, run.due) == (Handling.ACKED, 20 + 46 * 60 + 240)


def test_who_says_at_the_unit_that_they_are_there_is_noted_when_nobody_was_on_the_way():
    run = Run()
    run.do(Arrived("Responder on site"), at=5)
    assert run.kinds(5) == ["annotated"]
    assert run.until(239).told == LADDER


def test_an_arrival_is_asked_after_an_hour_at_the_latest():
    run = Run()
    run.do(Acked(ANN), at=10)
    run.do(Attended(ANN, "Responder 7", arrive_in_s=9 * 3600), at=20)
    assert run.due == 20 + 3600


# R05, R08


def test_a_failed_message_moves_the_ladder_on_at_once():
    run = Run().until(60)
    run.do(Delivered("Sue", "email", Fate.FAILED, "550", "supervisor@x.example"), at=62)
    assert run.told_since(61) == [(62, "Partner")]
    assert run.until(122).told_since(63) == [(122, "Dougie"), (122, "Niece"), (122, "Son")]


def test_a_late_failure_after_a_human_has_it_changes_nothing():
    run = Run().until(60)
    run.do(Acked(ANN), at=61)
    before = run.state
    run.do(Delivered("Sue", "email", Fate.FAILED, "550", "supervisor@x.example"), at=62)
    assert run.state == before
    assert run.kinds(62) == ["send_failed"]


def test_a_dead_address_in_the_catch_all_does_not_quicken_it():
    run = Run().until(240)
    run.do(Delivered("Sue", "email", Fate.FAILED, "550", "supervisor@x.example"), at=241)
    assert run.due == 300


# R14, S16


def test_after_an_outage_of_two_hours_each_step_is_logged_and_each_party_told_once():
    steps = tuple(Step((Target.SUPERVISOR,), 300) for _ in range(3))
    run = Run(ladder=replace(LIFE_SAFETY, steps=steps), awake=False).asleep_until(7200)
    assert run.told == [(7200, "Sue")]
    assert [text.partition("(")[2] for text in run.said("step")] == [
        "120 min late).",
        "115 min late).",
        "110 min late).",
    ]
    assert run.due == 7200 + 300, "then the normal pace, from now"
    assert run.until(7500).told_since(7201) == catch_all(7500)


def test_a_short_outage_delays_no_step_that_was_not_due():
    run = Run(awake=False).asleep_until(45)
    assert run.kinds() == ["raised", "step", "step"]
    assert run.until(239).told == LADDER


# R23


def test_the_same_state_and_input_give_the_same_result_every_time():
    state = Run().until(119).state
    event = TimerDue(EVERYBODY)
    decisions = {repr(decide(state, event, T0.replace(hour=4))) for _ in range(1000)}
    assert len(decisions) == 1


# R24


def test_an_alarm_keeps_the_ladder_that_it_was_raised_with():
    run = Run().until(60)
    assert run.state.ladder is LIFE_SAFETY
    assert run.until(239).told == LADDER


# R25, R27


def test_a_step_with_nobody_behind_it_is_fallen_through_at_once_and_the_duty_manager_hears_of_it():
    run = Run(parties={**EVERYBODY, Target.SUPERVISOR: ()}).until(60)
    assert run.told == [(60, "Dougie"), (60, "Partner")]
    assert run.kinds(60) == ["uncovered", "step"]
    assert run.until(120).told_since(61) == [(120, "Dougie"), (120, "Niece"), (120, "Son")]


def test_the_log_says_behind_whom_nobody_stood():
    run = Run(parties={**EVERYBODY, Target.CONTACTS: (), Target.PARTNER_ARC: ()}).until(180)
    assert run.said("step")[2:] == [
        "Step 3: told the supervisor: Sue.",
        "Step 5: told the duty manager: Dougie; nobody stands behind the person's contacts.",
    ]
    assert run.uncovered == [(120, (Target.PARTNER_ARC,))], "a person without contacts is no hole in the ladder"


def test_a_last_resort_with_nobody_behind_it_tells_the_duty_manager_and_does_not_say_that_the_queue_was_told():
    ladder = replace(LIFE_SAFETY, steps=(), catch_all=(Target.SUPERVISOR,))
    run = Run(ladder=ladder, parties={**EVERYBODY, Target.SUPERVISOR: ()})
    assert run.told == [(0, "Dougie")]
    assert run.said("catch_all") == ["Nobody has it; told again: nobody stands behind the last resort."]
    assert run.uncovered == [(0, (Target.SUPERVISOR,))]


def test_a_hole_in_the_ladder_without_a_duty_manager_is_told_to_the_supervisor():
    parties = {Target.SUPERVISOR: EVERYBODY[Target.SUPERVISOR]}
    ladder = replace(LIFE_SAFETY, steps=(Step((Target.PARTNER_ARC,), 60),), catch_all=())
    assert Run(ladder=ladder, parties=parties).told == [(0, "Sue")]
    assert Run(ladder=replace(ladder, steps=()), parties=parties).told == [(0, "Sue")]


@pytest.mark.parametrize("targets", [(), (Target.SUPERVISOR,), (Target.SUPERVISOR, Target.CONTACTS)])
def test_when_all_steps_are_empty_the_catch_all_is_told_at_once(targets: tuple[Target, ...]):
    parties = {Target.DUTY_MANAGER: EVERYBODY[Target.DUTY_MANAGER]}
    run = Run(ladder=replace(LIFE_SAFETY, steps=(Step(targets, 60),) * 3), parties=parties)
    assert run.told == [(0, "Dougie")], "once, though three steps and the catch-all have reason to"
    assert run.kinds() == ["raised", "uncovered", "uncovered", "uncovered", "catch_all"]


def test_a_ladder_without_steps_and_without_addresses_still_has_a_next_moment():
    run = Run(ladder=replace(LIFE_SAFETY, steps=()), parties={})
    assert run.kinds() == ["raised", "no_steps", "catch_all"]
    assert run.due == 60


def test_one_address_behind_two_targets_is_told_once():
    same = (party("Dougie", "duty@x.example"),)
    run = Run(parties={Target.DUTY_MANAGER: same, Target.CONTACTS: same}).until(180)
    assert run.told_since(180) == [(180, "Dougie")]


# R29, R30, R31


def test_a_claim_that_is_not_renewed_lapses_and_the_ladder_goes_on_after_the_step_that_was_told():
    run = Run().until(60)
    run.do(Acked(ANN), at=70)
    assert run.told_since(61) == []
    run.until(310)
    assert run.kinds(70) == ["acked", "reminder"]
    run.until(370)
    assert run.kinds(370) == ["lapsed", "step"]
    assert run.told_since(61) == [(370, "Sue"), (370, "Partner")]
    assert (run.state.handling, run.state.claim) == (Handling.RAISED, None)


def test_a_renewal_gives_a_new_full_term_and_is_counted():
    run = Run()
    run.do(Acked(ANN), at=0)
    for turn in range(1, 7):
        run.do(Renewed(ANN), at=240 * turn)
    assert run.state.claim.renewals == 6
    assert run.kinds(240 * 6) == ["reminder", "renewed", "long_held"]
    assert run.told == [(240 * 6, "Sue")], "the supervisor should look"
    run.until(240 * 6 + 299)
    assert run.state.handling is Handling.ACKED
    assert run.until(240 * 6 + 300).state.handling is Handling.RAISED


def test_a_claim_calls_off_who_has_not_been_called_yet():
    run = Run().until(200)
    run.do(Acked(ANN), at=205)
    assert run.cancelled_at == 205
    run.cancelled_at = None
    run.do(Acked(BOB, take_over=True), at=210)
    run.do(Renewed(BOB), at=220)
    assert run.cancelled_at is None, "what the supervisor is told of a claim that stands is not called off"


def test_a_second_press_of_the_claim_button_by_its_holder_is_a_renewal():
    run = Run()
    run.do(Acked(ANN), at=0)
    run.do(Acked(ANN), at=100)
    assert run.due == 100 + 240


def test_the_loser_of_a_claim_is_told_who_has_it_and_may_take_over_in_the_open():
    run = Run()
    run.do(Acked(ANN), at=10)
    with pytest.raises(RuleError, match="Ann has it since 0:15"):
        run.do(Acked(BOB), at=25)
    for event in (Renewed(BOB), Released(BOB), Attended(BOB, "Responder 7"), Held(BOB, "")):
        with pytest.raises(RuleError, match="Ann has it"):
            run.do(event)
    run.do(Acked(BOB, take_over=True))
    assert run.said("taken_over") == ["Bob took it over from Ann."]
    assert run.state.first_acked_at.timestamp() == T0.timestamp() + 10


def test_what_is_given_back_goes_on_at_once():
    run = Run()
    run.do(Acked(ANN), at=35)
    run.do(Released(ANN, "end of shift"), at=40)
    assert run.told == [(40, "Sue")]


def test_an_operator_may_send_it_a_step_up():
    run = Run()
    run.do(Escalated(BOB), at=5)
    run.do(Acked(ANN), at=6)
    run.do(Escalated(BOB, "Ann is on another call"), at=7)
    assert run.said("taken_from") == ["Ann no longer holds it."]
    assert run.told == [(7, "Sue")]
    assert run.state.handling is Handling.RAISED


@pytest.mark.parametrize("event", [Renewed(ANN), Released(ANN), Attended(ANN, "Responder 7"), Held(ANN, "")])
def test_nobody_renews_or_gives_back_what_nobody_has(event: Renewed):
    with pytest.raises(RuleError, match="claim it first"):
        Run().do(event)


# Closing


def closing(outcome: str, *, class_: str = "L", **given: object) -> Run:
    run = Run(class_=class_)
    run.do(Closed(ANN, outcome, **given))
    return run


@pytest.mark.parametrize("outcome", [row for row in OUTCOMES.values() if row.needs is Needs.NOTHING])
def test_an_outcome_that_says_who_helped_needs_nothing_more(outcome: Outcome):
    run = closing(outcome.code)
    assert (run.state.handling, run.state.outcome, run.due) == (Handling.CLOSED, outcome.code, None)
    assert run.cancelled_at == 0
    assert run.until(10_000).told == []


@pytest.mark.parametrize("outcome", [row for row in OUTCOMES.values() if row.needs is Needs.PROOF])
def test_an_outcome_that_could_hide_a_person_in_need_asks_for_proof(outcome: Outcome):
    with pytest.raises(RuleError, match="voice check"):
        closing(outcome.code)
    with pytest.raises(RuleError, match="voice check"):
        closing(outcome.code, reason="  \n ")
    closing(outcome.code, voice_confirmed=True)
    closing(outcome.code, reason="her daughter rang")
    closing(outcome.code, class_="T")


@pytest.mark.parametrize("outcome", [row for row in OUTCOMES.values() if row.needs is Needs.REASON])
def test_an_outcome_that_needs_a_reason_takes_nothing_else(outcome: Outcome):
    with pytest.raises(RuleError, match="reason"):
        closing(outcome.code, voice_confirmed=True)
    closing(outcome.code, reason="in hospital until Friday")


def test_only_a_supervisor_ends_what_nobody_could_reach():
    with pytest.raises(RuleError, match="supervisor"):
        closing("unable_to_reach", reason="tried all")
    assert closing("unable_to_reach", supervisor=True).state.outcome == "unable_to_reach"


@pytest.mark.parametrize("outcome", ["technical_auto", "nuisance", ""])
def test_no_person_ends_it_so(outcome: str):
    with pytest.raises(RuleError):
        closing(outcome, reason="because", supervisor=True)


def test_only_its_holder_or_a_supervisor_ends_a_claimed_alarm():
    run = Run()
    run.do(Acked(ANN), at=5)
    with pytest.raises(RuleError, match="Ann has it"):
        run.do(Closed(BOB, "reassured"))
    run.do(Closed(BOB, "reassured", supervisor=True))
    assert run.state.handling is Handling.CLOSED


def test_closed_is_final_and_a_late_result_is_only_logged():
    run = closing("reassured")
    for event in (Acked(ANN), Repeated("Pendant pressed", 10), Cleared("over"), TimerDue(EVERYBODY), HubCancelled()):
        with pytest.raises(RuleError, match="closed is final"):
            run.do(event)
    before = run.state
    run.do(Delivered("Sue", "email", Fate.SENT, address="supervisor@x.example"))
    assert run.state == before
    assert run.kinds()[-1] == "sent"


# What the board says of the next moment


def test_the_words_of_what_comes_next():
    run = Run()
    words = [what_next(run.state).words]
    run.do(Acked(ANN), at=10)
    words.append(what_next(run.state).words)
    run.do(Held(ANN, ""), at=11)
    words.append(what_next(run.state).words)
    run.until(260)
    words.append(what_next(run.state).words)
    run.do(Attended(ANN, "Responder 7"), at=261)
    words.append(what_next(run.state).words)
    assert words == [
        "the second ring group told",
        "Ann is reminded to renew",
        "the hold is over: the supervisor is told",
        "the claim lapses",
        "arrival is asked",
    ]
