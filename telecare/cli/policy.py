"""`telecare policy`: look policies through, save them, and see what would happen."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from alarms.handling.targets import Targets
from alarms.handling.what_if import Question, what_if
from alarms.policy.calendar import LONDON
from alarms.policy.compare import differences
from alarms.policy.reading import Fault
from alarms.policy.repository import PolicyRepository
from alarms.policy.scenario import ScenarioError, read_scenario
from alarms.policy.schemas import LintOut, TimelineOut
from alarms.policy.service import Looked, PolicyService
from alarms.policy.simulate import ScenarioRun, Timeline
from alarms.rota.wallclock import first_moment
from telecare.api.endpoints.policies import ALARM_TYPES, CLASSES
from telecare.cli.common import complain, in_transaction, run_command, say
from telecare.contacts import contacts_by
from telecare.kernel.errors import InvalidError
from telecare.kernel.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Escalation policies: whom an alarm goes to, and when.")

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
Files = Annotated[list[Path] | None, typer.Argument(exists=True, dir_okay=False, readable=True)]
AsJson = Annotated[bool, typer.Option("--json", help="print the result as JSON, and nothing else")]
At = Annotated[str | None, typer.Option(help="local time in Europe/London, such as '2027-01-03 03:12'; else now")]


@app.command("lint")
def lint(files: Files = None, as_json: AsJson = False) -> None:
    """Look policies through: those of these files, or all that are live; code 1 when one has a grave fault.

    Finds contradictions, missing rotas, gaps (“nobody at 03:00 on 2 January”) and what takes too long, hour by hour for
    400 days.

    Example: telecare policy lint policies/wardens.yaml
    """

    async def work(session: AsyncSession) -> list[tuple[str, Looked]]:
        service = PolicyService(session, CLASSES)
        if files:
            return [(str(path), await service.look_through(_text(path))) for path in files]
        policies = PolicyRepository(session)
        listed = await policies.page((), None, 10_000)
        versions = await policies.versions([(policy.id, policy.version) for policy in listed])
        return [(policy.key, await service.look_through(versions[policy.id].text)) for policy in listed]

    def run() -> int:
        looked = in_transaction(work)
        if as_json:
            say(json.dumps({n: LintOut.of(one.faults, one.outlook).model_dump(mode="json") for n, one in looked}))
        else:
            for name, one in looked:
                _tell_look(name, one)
            if not looked:
                say("There are no policies: every alarm goes by the built-in ladder of its class.")
        return 0 if all(one.ok for _, one in looked) else 1

    run_command(run)


@app.command("save")
def save(
    file: File,
    by: Annotated[str, typer.Option(help="who saves it, for the history")],
    note: Annotated[str, typer.Option(help="why, for the history")] = "",
) -> None:
    """Save a policy, new or changed: live with the next alarm, or refused with the line of each fault.

    Example: telecare policy save policies/wardens.yaml --by "Fiona Reid" --note "second ring after 20 s"
    """

    async def work(session: AsyncSession) -> str:
        service, text = PolicyService(session, CLASSES), _text(file)
        looked = await service.look_through(text)
        document = looked.document
        known = await service.policies.by_key(document.key, document.council) if document else None
        if known is None:
            policy, version = await service.create(text, note, by)
        else:
            policy, version = known, await service.change(known, known.version, text, note, by)
        return f"{policy.key}: version {version.version} is live"

    def run() -> int:
        say(in_transaction(work))
        return 0

    run_command(run)


@app.command("simulate")
def simulate(
    scenario: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="a scenario file")] = None,
    press: Annotated[str, typer.Option(help="the type of alarm, without a file")] = "pendant",
    at: At = None,
    council: Annotated[str | None, typer.Option(help="its GSS code, such as S12000036")] = None,
    answered_at_step: Annotated[int | None, typer.Option(min=1, help="an operator claims it then")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=1440, help="how long to look ahead")] = 60,
    picture: Annotated[Path | None, typer.Option(help="write the timeline to this file as SVG")] = None,
    as_json: AsJson = False,
) -> None:
    """Say who would be told when, by what and why: of a scenario file, or of an alarm with the rota of that moment.

    With a file that says whom it expects, code 1 when it comes out otherwise (docs/scenarios.md).

    Example: telecare policy simulate --press pendant --at "2027-01-03 03:12" --council S12000036 --answered-at-step 3
    """

    def run() -> int:
        if scenario is not None:
            try:
                read = read_scenario(_text(scenario))
                timeline = ScenarioRun(read, ALARM_TYPES).run()
            except ScenarioError as error:
                return _refuse(scenario, error.faults)
            different = differences(read, timeline)
            return _show(TimelineOut.of(timeline, differences=different), timeline, picture, as_json=as_json)
        answer = in_transaction(lambda session: _ask(session, press, at, council, answered_at_step, minutes))
        return _show(answer[0], answer[1], picture, as_json=as_json)

    run_command(run)


async def _ask(
    session: AsyncSession, press: str, at: str | None, council: str | None, answered_at_step: int | None, minutes: int
) -> tuple[TimelineOut, Timeline]:
    if press not in ALARM_TYPES:
        raise InvalidError(f"“{press}” is no type of alarm")
    question = Question(
        type=press, known=ALARM_TYPES[press], at=_moment(at), council_id=council, answered_at_step=answered_at_step,
        lasts=timedelta(minutes=minutes),
    )  # fmt: skip
    answer = await what_if(session, Targets(contacts_by(Settings())), question)
    shown = TimelineOut.of(answer.timeline, f"{answer.ladder.name}, version {answer.ladder.version}", answer.unreadable)
    return shown, answer.timeline


def _show(shown: TimelineOut, timeline: Timeline, picture: Path | None, *, as_json: bool) -> int:
    if picture is not None:
        picture.write_text(shown.picture, encoding="utf-8")
    if as_json:
        say(json.dumps(shown.model_dump(mode="json", exclude={"picture"})))
    else:
        _tell_timeline(shown, timeline)
    for difference in shown.differences:
        complain(f"Otherwise than expected: {difference}")
    return 1 if shown.differences else 0


def _tell_timeline(shown: TimelineOut, timeline: Timeline) -> None:
    table = Table("after", "local time", "what happens", box=None, header_style="bold")
    for said in timeline.said:
        after = said.at - timeline.start
        table.add_row(f"{after}", f"{said.at.astimezone(LONDON):%H:%M:%S}", f"[{said.alarm}] {said.text}")
    if shown.ladder:
        say(f"Ladder: {shown.ladder}")
    Console(highlight=False, markup=False).print(table)
    say("")
    for told in timeline.told:
        say(f"{told.at - timeline.start}  {told.who} by {told.way}, for {told.target}: {told.reason}")
    say(f"{len(timeline.told)} messages" if timeline.told else "Nobody is told outside of the control room.")


def _tell_look(name: str, looked: Looked) -> None:
    say(f"{name}: {'in order' if looked.ok else 'NOT IN ORDER'}")
    for fault in looked.faults:
        say(f"  {'' if fault.grave else 'beware: '}{fault}")
    if looked.outlook is not None:
        human, last = looked.outlook.worst_human, looked.outlook.worst_last_resort
        say(f"  the first human hears of it after {human.human_s} s at worst")
        say(f"  the last resort after {last.last_resort_s} s at worst")


def _refuse(path: Path, faults: tuple[Fault, ...]) -> int:
    for fault in faults:
        complain(f"{path}: {fault}")
    return 2


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidError(f"{path} is not UTF-8 text: save it as UTF-8") from error


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise InvalidError(f"“{at}” is no time; write it as '2027-01-03 03:12'") from error
    return moment if moment.tzinfo else first_moment(moment, LONDON)
