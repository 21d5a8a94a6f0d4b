"""Firmware as the API says and takes it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from devices.commands.domain import UpdateStep
from devices.firmware.domain import ImageState, MemberState, RolloutState
from devices.firmware.models import FirmwareImage, FirmwareRollout, FirmwareWave
from devices.registry.fields import CouncilRef, HubId, Input, Output, Reason, Version, Words, one_line

Url = Annotated[
    str,
    StringConstraints(pattern=r"^https://[^\s]{1,500}$"),
    AfterValidator(one_line),
    Field(description="where hubs load it from"),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(description="of the file, in hexadecimal")]
Percent = Annotated[int, Field(ge=0, le=100)]
Span = Annotated[int, Field(ge=0, le=30 * 86_400)]


class ImageIn(Input):
    """A firmware for one model. It goes to no hub before it is released."""

    model_id: UUID
    version: Version
    url: Url
    sha256: Sha256
    size: Annotated[int | None, Field(ge=1, le=2**40, description="bytes")] = None
    signature: Annotated[
        str | None,
        StringConstraints(max_length=4000, pattern=r"^[!-~]+$"),
        Field(description="the maker's, as they give it; passed to the hub, which checks it"),
    ] = None
    notes: Words | None = None


class BlockIn(Input):
    """Why an image must not go to any hub any more."""

    reason: Reason


class ImageOut(Output):
    """A firmware. `state_by`, `state_at` and `state_why` are of its release, or of its block."""

    id: UUID
    model_id: UUID
    model: str
    version: str
    url: str
    sha256: str
    size: int | None
    signature: str | None
    notes: str | None
    state: ImageState
    state_by: str | None
    state_at: datetime | None
    state_why: str | None
    made_by: str
    made_at: datetime


def show_image(image: FirmwareImage, model: str) -> ImageOut:
    """Return an image as programs see it."""
    return ImageOut(model=model, **{name: getattr(image, name) for name in ImageOut.model_fields if name != "model"})


class HaltIn(Input):
    """When a rollout halts by itself."""

    failures: Annotated[int, Field(ge=1, le=1000, description="so many failed hubs")] = 3
    failed_pct: Annotated[Percent, Field(description="or more than this share of those that ended")] = 10
    silent: Annotated[int, Field(ge=1, le=1000, description="or so many that began to update and were not heard")] = 1
    back_within_s: Annotated[int, Field(ge=1, le=86_400, description="within so long")] = 1800
    offline_margin_pct: Annotated[
        Percent, Field(description="or the share of updated hubs that are offline is so far above that of the others")
    ] = 5


class RolloutIn(Input):
    """A rollout, made in draft: nothing is asked before it is started. Without a council it is for all of them."""

    image_id: UUID
    council_id: CouncilRef | None = None
    reason: Reason
    from_versions: list[Version] = Field([], max_length=50, description="only hubs that tell one of these")
    shares: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        [1, 5, 25, 100], max_length=20, description="per cent of all its hubs, each wave with those before; they rise"
    )
    first_hubs: list[HubId] = Field([], max_length=500, description="a wave of named hubs before all shares")
    soak_s: Annotated[Span, Field(description="after a wave has settled, before the next one")] = 86_400
    patience_s: Annotated[Span, Field(description="how long a hub that cannot be asked is waited for")] = 86_400
    at_once: Annotated[int, Field(ge=1, le=500, description="hubs on their way at the most")] = 20
    at_night: Annotated[bool, Field(description="also from 21:00 to 08:00, Europe/London")] = False
    halt: HaltIn = HaltIn()

    @model_validator(mode="after")
    def _check_waves(self) -> Self:
        if not self.shares and not self.first_hubs:
            raise ValueError("a rollout needs shares, or hubs that are named")
        if any(later <= earlier for earlier, later in zip(self.shares, self.shares[1:], strict=False)):
            raise ValueError("shares rise from wave to wave, such as 1, 5, 25, 100")
        if self.shares and self.shares[-1] != 100:  # noqa: PLR2004 - all of them
            raise ValueError("the last share is 100: all of them")
        return self


class ReasonIn(Input):
    """Why; it stands in the rollout's log and in the audit."""

    reason: Reason


class WaveOut(Output):
    """One wave. `share_pct` is empty for the one of named hubs; `hubs` counts by state."""

    number: int
    share_pct: int | None
    began_at: datetime | None
    settled_at: datetime | None
    hubs: dict[str, int]


class RolloutOut(Output):
    """A rollout with its waves. `hubs` counts by state, those in no wave too; only of councils that you see."""

    id: UUID
    council_id: str | None
    image: ImageOut
    reason: str
    state: RolloutState
    from_versions: list[str]
    first_hubs: list[str]
    soak_s: int
    patience_s: int
    at_once: int
    at_night: bool
    halt: HaltIn
    made_by: str
    made_at: datetime
    started_at: datetime | None
    counted_from: datetime | None
    halted_why: str | None
    ended_at: datetime | None
    waves: list[WaveOut]
    hubs: dict[str, int]


_OWN = (
    "id", "council_id", "reason", "state", "from_versions", "first_hubs", "soak_s", "patience_s", "at_once",
    "at_night", "made_by", "made_at", "started_at", "counted_from", "halted_why", "ended_at",
)  # fmt: skip


def show_rollout(
    rollout: FirmwareRollout,
    image: ImageOut,
    waves: Sequence[FirmwareWave],
    counts: Mapping[int | None, Mapping[str, int]],
) -> RolloutOut:
    """Return a rollout as programs see it."""
    of_all: dict[str, int] = {}
    for states in counts.values():
        for state, count in states.items():
            of_all[state] = of_all.get(state, 0) + count
    return RolloutOut(
        image=image,
        halt=HaltIn(
            failures=rollout.halt_failures,
            failed_pct=rollout.halt_failed_pct,
            silent=rollout.halt_silent,
            back_within_s=rollout.back_within_s,
            offline_margin_pct=rollout.offline_margin_pct,
        ),
        waves=[
            WaveOut(
                number=wave.number, share_pct=wave.share_pct, began_at=wave.began_at, settled_at=wave.settled_at,
                hubs=dict(counts.get(wave.number, {})),
            )
            for wave in waves
        ],
        hubs=of_all,
        **{name: getattr(rollout, name) for name in _OWN},
    )  # fmt: skip


class MemberOut(Output):
    """One hub of a rollout. `why` says why it waits, was skipped, failed, or how it is known to be done.

    `in_the_way` is why a hub that is still pending could not be asked at this moment.
    """

    hub_id: str
    council_id: str
    wave: int | None
    state: MemberState
    step: UpdateStep | None
    why: str | None
    in_the_way: str | None
    from_version: str | None
    asked_at: datetime | None
    updated_at: datetime | None
    finished_at: datetime | None


class PreviewOut(Output):
    """What a rollout would do if it went on now: how many would be asked in each wave, and what is in the way."""

    waves: list[int]
    in_the_way: dict[str, int]
    skipped: dict[str, int]


class VersionOut(Output):
    """How many hubs of a model tell a firmware; `version` is empty for those that have never told one."""

    model_id: UUID
    model: str
    version: str | None
    hubs: int
    online: int


class LineOut(Output):
    """One line of what happened in a rollout."""

    at: datetime
    actor: str
    what: str
