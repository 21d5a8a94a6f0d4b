"""Policies and rotas that an administrator takes away while a scenario runs, and what is to be mended by then."""

from alarms.handling.lookout import Lookout
from alarms.policy.scenario import EventPart
from alarms.policy.scenario_checks import CheckPart
from tests.scenarios.stage import Stage


class Rulebook(Stage):
    """Through the API, as an administrator does."""

    async def happen(self, event: EventPart) -> bool:
        if event.retire is not None:
            kind, key = "policies", event.retire
        elif event.remove_rota is not None:
            kind, key = "rotas", event.remove_rota
        else:
            return False
        reply = await self.run.web.take_away(kind, key)
        self.run.timeline.surprises += event.surprises(key, None if reply.is_success else str(reply.json()["detail"]))
        return True

    async def check(self, wanted: CheckPart) -> list[str]:
        if wanted.notices is None:
            return []
        async with self.run.database.transaction() as session:
            found = [f"{one.level}: {one.what}" for one in await Lookout(session, wanted.limit).look(frozenset())]
        fits = len(found) == len(wanted.notices) and all(
            one.startswith(words) for words, one in zip(wanted.notices, found, strict=True)
        )
        return [] if fits else [f"the notices are {found}, not {list(wanted.notices)}"]
