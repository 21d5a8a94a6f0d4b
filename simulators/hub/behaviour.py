"""What a hub does: one pure function over frozen values, so that every habit of the field can be tested and replayed.

No clock, no sockets, no global chance: `step(config, state, happening, now)` gives the next state and what goes out.
Chance is drawn from the configuration's seed and a counter in the state.
"""

from dataclasses import replace

from simulators.hub.chance import draw
from simulators.hub.firmware import answered_with, update_asked, update_step
from simulators.hub.happenings import (
    AckReceived,
    Babble,
    BatteryAged,
    Cancel,
    ClockLost,
    ClockSynced,
    CommandReceived,
    Connected,
    Disconnected,
    HubInput,
    HubOutput,
    MainsLost,
    MainsRestored,
    Note,
    PathChanged,
    Press,
    Publish,
    PublishRaw,
    Reboot,
    Restart,
)
from simulators.hub.model import EVENT_LANE, FINAL_ACKS, Held, HubConfig, HubState, Pending, Peripheral
from simulators.hub.payloads import event_body, heartbeat_body, result_body
from simulators.hub.power import aged, drained, is_flat, mains_back, mains_lost, power_due, power_reports

AUTO_ANSWER_S = 600.0
RESULT_DONE, RESULT_UNSUPPORTED = "done", "unsupported"
COMMANDS_REMEMBERED = 16

Answer = tuple[HubState, tuple[HubOutput, ...]]


def new_hub(config: HubConfig, now: float) -> HubState:
    """Return a hub that has just been switched on; its first heartbeat falls anywhere within one interval."""
    state = HubState(boot=1, boot_id=_boot_id(config, 1), next_heartbeat_at=now, power_at=now, path=config.path)
    state, share = draw(config, state)
    return replace(state, next_heartbeat_at=now + share * config.heartbeat_s)


def next_due(config: HubConfig, state: HubState) -> float:
    """Return when the hub next has something to do by itself, so that nobody has to ask it each second."""
    if not state.powered:
        return float("inf")
    due = [state.next_heartbeat_at, *(held.due_at for held in state.held)]
    due += [state.update.next_at] if state.update else []
    if state.connected:
        due += [pending.next_at for pending in state.pending]
    return min(due + power_due(config, state))


def step(config: HubConfig, state: HubState, happening: HubInput, now: float) -> Answer:
    """Return what the hub becomes and does when `happening` meets it at `now`.

    Whatever is due by `now` happens in the same step, after the happening itself. A hub without power only notices
    that the mains are back.
    """
    if not state.powered:
        boots = isinstance(happening, MainsRestored) and not state.dead
        return _power_up(config, state, now) if boots else (state, ())
    state = drained(config, state, now)
    state, first = _react(config, state, happening, now)
    state, then = _catch_up(config, state, now) if state.powered else (state, ())
    return state, first + then


def _react(config: HubConfig, state: HubState, happening: HubInput, now: float) -> Answer:  # noqa: C901, PLR0911, PLR0912 - one arm for each happening reads best
    match happening:
        case Press():
            return _pressed(config, state, happening, now)
        case Cancel():
            return _cancelled(config, state, now)
        case MainsLost() if state.mains:
            return mains_lost(config, state, now), ()
        case MainsRestored() if not state.mains:
            return _mains_back(config, state, now)
        case Connected():
            return _connected(config, state, now)
        case Disconnected():
            return replace(state, connected=False), ()
        case AckReceived():
            return _acked(config, state, happening, now)
        case CommandReceived():
            return _commanded(config, state, happening, now)
        case Reboot():
            return _rebooted(config, state), (Restart(back=True),)
        case ClockLost():
            return replace(state, clock_offset_s=-now), ()
        case ClockSynced():
            return replace(state, clock_offset_s=0.0), ()
        case PathChanged():
            return replace(state, path=happening.path, signal_dbm=happening.signal_dbm), ()
        case BatteryAged():
            return _aged(config, state, happening, now)
        case Babble() if state.connected:
            return state, (PublishRaw(happening.lane, happening.payload),)
        case _:
            return state, ()


def _pressed(config: HubConfig, state: HubState, press: Press, now: float) -> Answer:
    device = _device(config, press)
    held = Held(press.type, device, press.test, press.twice, now + config.pre_alarm_s)
    if press.type in EVENT_LANE:
        return _raise(config, state, replace(held, due_at=now), now)
    return replace(state, held=(*state.held, held)), ()


def _cancelled(config: HubConfig, state: HubState, now: float) -> Answer:
    """Stop what is still in its pre-alarm. Too late for that: say so, and go on repeating the alarm until its ack."""
    open_presses = [held for held in state.held if held.due_at > now]
    if open_presses:
        kept = tuple(held for held in state.held if held.due_at <= now)
        return replace(state, held=kept), tuple(Note("cancelled", held.type) for held in open_presses)
    return _raise(config, state, _own("cancel", now), now)


def _own(type_: str, now: float, *, test: bool = False) -> Held:
    """Return what the hub tells of itself, without a trigger and at once."""
    return Held(type_, None, test=test, twice=False, due_at=now)


def _raise(config: HubConfig, state: HubState, held: Held, now: float) -> Answer:
    """Make a press an event with its identity; it is sent by the catch-up of the same step."""
    state = replace(state, seq=state.seq + 1, events=state.events + 1)
    event_id = f"{config.epoch}-{state.events}"
    lane = "event" if held.type in EVENT_LANE else "alarm"
    body = event_body(state, event_id, held, now)
    pending = Pending(event_id, lane, body, next_at=now, twice=held.twice)
    answering = now + AUTO_ANSWER_S if lane == "alarm" else state.auto_answer_until
    state = replace(state, pending=(*state.pending, pending), auto_answer_until=answering)
    return state, (Note("raised", held.type, event_id),)


def _acked(config: HubConfig, state: HubState, ack: AckReceived, now: float) -> Answer:
    found = next((pending for pending in state.pending if pending.event_id == ack.event_id), None)
    if found is None:
        return state, ()
    if ack.status in FINAL_ACKS:
        kept = tuple(pending for pending in state.pending if pending is not found)
        note = Note("acked", found.type, found.event_id, ack.status, ack.alarm_id)
        return replace(state, pending=kept), (note,)
    if ack.status == "retry":
        sooner = replace(found, next_at=min(found.next_at, now + config.retry_soon_s))
        return replace(state, pending=tuple(sooner if p is found else p for p in state.pending)), ()
    return state, ()


def _connected(config: HubConfig, state: HubState, now: float) -> Answer:
    """Send what waited. What was sent before keeps its turn, but a restored link ends the long waits.

    (A persistent session may still bring the ack of what was sent before the link was lost.)
    """
    soonest = now + config.retry_s
    pending = tuple(replace(p, next_at=min(p.next_at, soonest) if p.attempt else now) for p in state.pending)
    late = tuple(Publish("heartbeat", body) for body in state.late_heartbeats)
    late += tuple(Publish("result", body) for body in state.late_results)
    beat_at = now if state.fresh else state.next_heartbeat_at
    state = replace(state, next_heartbeat_at=beat_at, fresh=False)
    return replace(state, connected=True, pending=pending, late_heartbeats=(), late_results=()), late


def _commanded(config: HubConfig, state: HubState, command: CommandReceived, now: float) -> Answer:
    """Do what is asked and answer. A command may come twice: the second time it is only answered, as the first.

    What waited in the session at the broker comes before the subscriptions are answered: its result waits for those.
    """
    command_id = command.body.get("command_id")
    status = dict(state.answered).get(command_id) if isinstance(command_id, str) else None
    after: HubState = state
    outputs: tuple[HubOutput, ...] = ()
    if status is None:
        after, outputs, status = _obey(config, state, command, now)
        if isinstance(command_id, str):
            after = replace(after, answered=(*state.answered, (command_id, status))[-COMMANDS_REMEMBERED:])
    result = result_body(state, command.body, status, now)
    if not state.connected:
        return replace(after, late_results=(*state.late_results, result)[-COMMANDS_REMEMBERED:]), outputs
    return after, (Publish("result", result), *outputs)


def _obey(
    config: HubConfig, state: HubState, command: CommandReceived, now: float
) -> tuple[HubState, tuple[HubOutput, ...], str]:
    args = command.body.get("args")
    match command.body.get("command"):
        case "ping":
            pass
        case "heartbeat":
            state = replace(state, next_heartbeat_at=now)
        case "test":
            return *_raise(config, state, _own("test", now, test=True), now), RESULT_DONE
        case "set_interval" if isinstance(args, dict) and isinstance(args.get("interval_s"), int | float):
            interval = max(1.0, float(args["interval_s"]))
            state = replace(state, interval_s=interval, next_heartbeat_at=min(state.next_heartbeat_at, now + interval))
        case "call" if now < state.auto_answer_until:
            pass
        case "update_firmware":
            return update_asked(config, state, command.body, now)
        case "reboot":
            return _rebooted(config, state), (Restart(back=True),), RESULT_DONE
        case _:
            return state, (), RESULT_UNSUPPORTED
    return state, (), RESULT_DONE


def _rebooted(config: HubConfig, state: HubState) -> HubState:
    boot = state.boot + 1
    return replace(
        state, boot=boot, boot_id=_boot_id(config, boot), seq=0, connected=False, late_heartbeats=(), update=None
    )


def _mains_back(config: HubConfig, state: HubState, now: float) -> Answer:
    reports, state = mains_back(config, state)
    outputs: tuple[HubOutput, ...] = ()
    for report in reports:
        state, noted = _raise(config, state, _own(report, now), now)
        outputs += noted
    return state, outputs


def _aged(config: HubConfig, state: HubState, ageing: BatteryAged, now: float) -> Answer:
    """Let a battery hold less: the next heartbeat tells it at once, and a device's that is low has a message."""
    state = replace(state, next_heartbeat_at=now)
    if ageing.device_id is None:
        return aged(state, ageing.holds_pct), ()
    levels = dict(state.trigger_batteries)
    before = levels.get(ageing.device_id, 100)
    levels[ageing.device_id] = ageing.holds_pct
    state = replace(state, trigger_batteries=tuple(levels.items()))
    device = next((one for one in config.peripherals if one.id == ageing.device_id), None)
    if device is None or not ageing.holds_pct <= config.battery_low_pct < before:
        return state, ()
    return _raise(config, state, Held("trigger_battery_low", device, test=False, twice=False, due_at=now), now)


def _power_up(config: HubConfig, state: HubState, now: float) -> Answer:
    """Boot a hub whose battery had run flat: it told of the loss and so tells of the return."""
    state = replace(_rebooted(config, state), powered=True, power_at=now, battery_pct=1.0, next_heartbeat_at=now)
    state, outputs = _mains_back(config, state, now)
    return state, (*outputs, Restart(back=True))


def _catch_up(config: HubConfig, state: HubState, now: float) -> Answer:
    """Do all that is due: pre-alarms that ran out, mains and battery reports, sends and re-sends, the heartbeat."""
    outputs: list[HubOutput] = []
    if state.update is not None and state.update.next_at <= now:
        state, told = _updated(config, state, now)
        outputs += told
        if not state.powered:
            return state, tuple(outputs)
    ripe = [held for held in state.held if held.due_at <= now]
    if ripe:
        state = replace(state, held=tuple(held for held in state.held if held.due_at > now))
    reports, state = power_reports(config, state, now)
    for held in (*ripe, *(_own(report, now) for report in reports)):
        state, noted = _raise(config, state, held, now)
        outputs += noted
    if state.connected:
        state, sent = _send_due(config, state, now)
        outputs += sent
    state, beat = _heartbeat(config, state, now)
    outputs += beat
    if is_flat(state):
        state = replace(state, powered=False, connected=False)
        outputs.append(Restart(back=False))
    return state, tuple(outputs)


def _updated(config: HubConfig, state: HubState, now: float) -> Answer:
    """Take a firmware one step further, and start anew with it after the last."""
    state, body, fate = update_step(config, state, now)
    if body is None:
        return state, ()
    outputs: tuple[HubOutput, ...] = ()
    if state.connected:
        outputs = (Publish("result", body),)
    else:
        state = replace(state, late_results=(*state.late_results, body)[-COMMANDS_REMEMBERED:])
    if fate == "brick":
        return replace(state, powered=False, connected=False, dead=True, update=None), (*outputs, Restart(back=False))
    if fate == "boot":
        version, command = str(body["version"]), dict(body)
        state = replace(_rebooted(config, state), firmware=version, fresh=True)
        state, noted = _raise(config, state, _own("firmware_changed", now), now)
        state = answered_with(state, command, RESULT_DONE)
        done = result_body(state, command, RESULT_DONE, now)
        state = replace(state, late_results=(*state.late_results, done)[-COMMANDS_REMEMBERED:])
        return state, (*outputs, *noted, Restart(back=True))
    return state, outputs


def _send_due(config: HubConfig, state: HubState, now: float) -> Answer:
    due = [pending for pending in state.pending if pending.next_at <= now]
    outputs: list[HubOutput] = []
    sent: dict[str, Pending] = {}
    for pending in reversed(due) if config.newest_first else due:
        attempt = pending.attempt + 1
        wait = config.retry_s if attempt <= config.fast_retries else config.slow_retry_s
        sent[pending.event_id] = replace(pending, attempt=attempt, next_at=now + wait, twice=False)
        message = Publish(pending.lane, {**pending.body, "attempt": attempt}, pending.event_id, attempt)
        outputs += [message, message] if pending.twice else [message]
    return replace(state, pending=tuple(sent.get(p.event_id, p) for p in state.pending)), tuple(outputs)


def _heartbeat(config: HubConfig, state: HubState, now: float) -> Answer:
    if state.next_heartbeat_at > now:
        return state, ()
    interval = state.interval_s or config.heartbeat_s
    state, share = draw(config, replace(state, seq=state.seq + 1))
    state = replace(state, next_heartbeat_at=now + interval * (1.0 + config.jitter * (2.0 * share - 1.0)))
    body = heartbeat_body(config, state, interval, now)
    if state.connected:
        return state, (Publish("heartbeat", body),)
    if config.backlog:
        return replace(state, late_heartbeats=(*state.late_heartbeats, body)[-config.backlog :]), ()
    return state, ()


def _device(config: HubConfig, press: Press) -> Peripheral | None:
    """Return the peripheral that was set off: the one named, else the first of the kind, else the hub itself."""
    for peripheral in config.peripherals:
        if peripheral.id == press.device_id or (press.device_id is None and peripheral.kind == press.type):
            return peripheral
    return None


def _boot_id(config: HubConfig, boot: int) -> str:
    return f"{config.epoch}-b{boot}"
