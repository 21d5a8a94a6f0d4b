"""A visit that ends well is told to the line's provider: the next batch has its number, once, under an agreement."""

from datetime import date

from devices.switchover.telco.domain import Purpose, ShareField
from devices.switchover.telco.models import TelcoAgreement
from devices.switchover.telco.service import TelcoService
from telecare.kernel.db import Database
from tests.homes import ARGYLL
from tests.integration.swap import S, Swap

NUMBER = "+441632960001"


async def agreement(swap: Swap) -> TelcoAgreement:
    async with swap.database.transaction() as session:
        return await TelcoService(session).agree(
            ARGYLL, "Northern Telecom", "user:sheila", legal_basis="public task", dpia_reference="D-1",
            fields=[str(each) for each in ShareField], starts_on=date(2020, 1, 1), review_on=date(2099, 1, 1),
        )  # fmt: skip


async def to_confirm(swap: Swap, row: TelcoAgreement) -> list[str]:
    async with swap.database.transaction() as session:
        return list(await TelcoService(session).to_confirm(row))


async def test_the_number_is_to_be_told_once_the_old_unit_is_gone(database: Database) -> None:
    swap = await Swap(database).settle()
    await swap.sql("DELETE FROM line")
    await swap.sql(
        "INSERT INTO line (id, council_id, premises_id, number, kind, provider)"
        " VALUES (gen_random_uuid(), :council, :premises, :number, 'voip_router', 'northern telecom')",
        council=ARGYLL, premises=swap.home[1], number=NUMBER,
    )  # fmt: skip
    row = await agreement(swap)
    await swap.go_to(S.ACCEPTED)
    # The old unit is in the home still: nothing is confirmed of its line yet.
    assert await to_confirm(swap, row) == []
    await swap.step(S.OLD_UNIT_DECOMMISSIONED)
    await swap.step(S.RECORD_CLOSED)
    assert await to_confirm(swap, row) == [NUMBER]
    async with swap.database.transaction() as session:
        service = TelcoService(session)
        batch = await service.share(row.id, Purpose.SOLUTION_CONFIRMED, "user:sheila")
        _, file = await service.hand_out(batch.id, "user:sheila")
    assert file.decode().splitlines() == ["telephone_number,device_type", f'{NUMBER},"telecare, digital"']
    assert await to_confirm(swap, row) == []
