"""Lists of states stand twice, as an enumeration and as a CHECK: the two agree."""

import re
from enum import StrEnum

import pytest
from sqlalchemy import CheckConstraint, Table

from alarms.notify.domain import Channel, ContactTarget
from alarms.notify.models import ContactPoint
from telecare.access.broker import BrokerRole
from telecare.access.domain import PERMISSIONS, Permission, UserRole
from telecare.access.models import ApiToken, BrokerAccount, User


def allowed(table: Table, column: str) -> set[str]:
    checks = [str(found.sqltext) for found in table.constraints if isinstance(found, CheckConstraint)]
    (check,) = (check for check in checks if check.startswith(f"{column} IN "))
    return set(re.findall(r"'(\w+)'", check))


@pytest.mark.parametrize(
    ("model", "column", "values"),
    [
        (User, "role", UserRole),
        (ApiToken, "role", UserRole),
        (BrokerAccount, "role", BrokerRole),
        (ContactPoint, "channel", Channel),
        (ContactPoint, "target", ContactTarget),
    ],
)
def test_the_check_and_the_enumeration_agree(model: type, column: str, values: type[StrEnum]) -> None:
    assert allowed(model.__table__, column) == set(values)


def test_every_role_has_permissions_and_every_permission_a_role() -> None:
    assert set(PERMISSIONS) == set(UserRole)
    assert set().union(*PERMISSIONS.values()) == set(Permission)
