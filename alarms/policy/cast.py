"""The people of a scenario as the core knows them, and who of them stands behind which target at a moment. Pure."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import TypeAdapter

from alarms.escalation.domain import Address, ContactRule, Party, TargetKind
from alarms.policy.scenario import EventPart, RotaPart, Scenario
from alarms.policy.scenario_words import WayPart
from alarms.responders.domain import DISABLED, NO_METHOD
from alarms.rota.document import LayerDocument, RotationDocument, WeeklyDocument, layer_of
from alarms.rota.domain import Override, Rota, TemporarySchedule, Turn, on_call

_LAYERS: TypeAdapter[list[RotationDocument | WeeklyDocument]] = TypeAdapter(list[LayerDocument])


class Cast:
    """Everybody in a scenario, as they are by now: their rules, their teams, their rotas."""

    def __init__(self, scenario: Scenario) -> None:
        self.people: dict[str, tuple[WayPart, ...]] = dict(scenario.people)
        self.rotas = dict(scenario.rotas)
        self.disabled: frozenset[str] = frozenset()
        self._scenario = scenario

    def change(self, event: EventPart) -> bool:
        """Let them be as an event says; return whether anybody is told otherwise now."""
        self.rotas |= event.rotas or {}
        self.people = {name: ways for name, ways in self.people.items() if name not in event.remove}
        self.people |= event.people or {}
        self.disabled = (self.disabled | {*event.disable}) - {*event.enable}
        return bool(event.people or event.disable or event.enable)

    def behind(self, at: datetime) -> dict[str, tuple[Party, ...]]:
        """Return who stands behind each target at a moment."""
        known = self.people
        names = {str(person_id(name)): name for name in known}
        behind: dict[str, list[str]] = {str(target): [*some] for target, some in self._scenario.standing.items()}
        behind |= {f"{kind}:{name}": [name] for name in known for kind in (TargetKind.RESPONDER, TargetKind.WEBHOOK)}
        behind |= {f"{TargetKind.TEAM}:{key}": [*members] for key, members in self._scenario.teams.items()}
        for key, part in self.rotas.items():
            on = () if part.broken else on_call(rota_of(part), at)
            behind[f"{TargetKind.ROTA}:{key}"] = [names[str(member)] for member in on if str(member) in names]
        return {
            target: tuple(self.party(name, target) for name in listed if name in known)
            for target, listed in behind.items()
        }

    def party(self, name: str, target: str = "") -> Party:
        """Return somebody as they are told; behind a receiver of messages by webhook only."""
        of = party(name, self.people[name], self.disabled)
        return webhooks_of(of) if target.startswith(f"{TargetKind.WEBHOOK}:") else of

    def everybody(self) -> dict[str, Party]:
        """Return everybody by their id."""
        return {str(person_id(name)): self.party(name) for name in self.people}


def person_id(name: str) -> UUID:
    """Return the id of somebody in a scenario: the same name is the same person."""
    return uuid5(NAMESPACE_URL, f"scenario:{name}")


def party(name: str, ways: tuple[WayPart, ...], disabled: Collection[str] = ()) -> Party:
    """Return somebody of a scenario as the core knows them, without those of their ways that are switched off."""
    ordered = sorted(ways, key=lambda rule: rule.after)
    rules = [
        ContactRule(rule.after, Address(rule.way.partition("/")[0], f"{name}.{rule.way}", name))
        for rule in ordered
        if f"{name}.{rule.way}" not in disabled
    ]
    return Party(str(person_id(name)), name, tuple(rules), silent="" if rules else DISABLED if ways else NO_METHOD)


def webhooks_of(of: Party) -> Party:
    """Return a party by webhook only."""
    rules = tuple(rule for rule in of.rules if rule.to.channel == "webhook")
    return Party(of.id, of.name, rules, of.silent or ("" if rules else NO_METHOD))


def rota_of(part: RotaPart) -> Rota:
    """Return a rota of a scenario as the domain knows it."""
    return Rota(
        layers=tuple(layer_of(layer) for layer in layers_of(part)),
        overrides=tuple(
            Override(one.kind, one.start, one.end, _id(one.member), _id(one.instead_of)) for one in part.overrides
        ),
        temporary=tuple(
            TemporarySchedule(one.start, one.end, tuple(Turn(person_id(t.member), t.start, t.end) for t in one.turns))
            for one in part.temporary
        ),
        zone=part.zone,
    )


def layers_of(part: RotaPart) -> list[RotationDocument | WeeklyDocument]:
    """Return the layers of a rota as documents, with ids in place of names."""
    return _LAYERS.validate_python([_with_ids(layer) for layer in part.layers])


def _id(name: str | None) -> UUID | None:
    return None if name is None else person_id(name)


def _with_ids(layer: dict[str, Any]) -> dict[str, Any]:
    changed = dict(layer)
    if "members" in changed:
        changed["members"] = [str(person_id(name)) for name in changed["members"]]
    if "rules" in changed:
        changed["rules"] = [{**rule, "member": str(person_id(rule["member"]))} for rule in changed["rules"]]
    return changed
