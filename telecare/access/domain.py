"""Who may do what: roles, permissions and the actor of a request. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from telecare.kernel.pure.sight import Sight


class UserRole(StrEnum):
    """The roles that people and programs have."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ENGINEER = "engineer"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """What an action needs."""

    SEE_ALARMS = "see_alarms"
    HANDLE_ALARMS = "handle_alarms"
    SUPERVISE = "supervise"
    PLAN_WORK = "plan_work"
    HANDLE_JOBS = "handle_jobs"
    SWITCH_OVER = "switch_over"
    SEE_FLEET = "see_fleet"
    EDIT_FLEET = "edit_fleet"
    SEE_PEOPLE = "see_people"
    EDIT_PEOPLE = "edit_people"
    REVEAL_KEY_SAFE = "reveal_key_safe"
    ADMINISTER = "administer"
    SEE_AUDIT = "see_audit"


_OPERATOR = frozenset(
    {
        Permission.SEE_ALARMS,
        Permission.HANDLE_ALARMS,
        Permission.SEE_FLEET,
        Permission.SEE_PEOPLE,
        Permission.REVEAL_KEY_SAFE,
    }
)
_ENGINEER = frozenset(
    {
        Permission.SEE_ALARMS,
        Permission.PLAN_WORK,
        Permission.HANDLE_JOBS,
        Permission.SWITCH_OVER,
        Permission.SEE_FLEET,
        Permission.EDIT_FLEET,
        Permission.SEE_PEOPLE,
    }
)

PERMISSIONS: dict[UserRole, frozenset[Permission]] = {
    UserRole.OPERATOR: _OPERATOR,
    UserRole.SUPERVISOR: _OPERATOR
    | {
        Permission.SUPERVISE,
        Permission.PLAN_WORK,
        Permission.HANDLE_JOBS,
        Permission.SWITCH_OVER,
        Permission.EDIT_PEOPLE,
        Permission.SEE_AUDIT,
    },
    UserRole.ENGINEER: _ENGINEER,
    UserRole.ADMINISTRATOR: frozenset(Permission),
}


STAND_IN = frozenset({UserRole.OPERATOR, UserRole.SUPERVISOR})
"""Who sees the alarms of a council that theirs covers."""


@dataclass(frozen=True)
class Actor:
    """Who acts: a logged-in user or a program with a token. No councils means all of this control room."""

    kind: str  # "user" or "token"
    id: UUID
    name: str
    role: UserRole
    councils: frozenset[str] = frozenset()
    username: str | None = None
    covered: frozenset[str] = field(default=frozenset(), compare=False)
    """Councils whose alarms, and nothing else of them, are this actor's business while their control room is away."""

    @property
    def label(self) -> str:
        """Return how the audit names this actor: `user:fiona`, `token:reports#9f31c2`.

        Names of people and programs change and may be two of a kind; the audit must tell them apart for ever.
        """
        return f"{self.kind}:{self.username or f'{self.name}#{self.id.hex[-6:]}'}"

    def may(self, permission: Permission) -> bool:
        """Say whether the actor's role has this permission."""
        return permission in PERMISSIONS[self.role]

    @property
    def sight(self) -> Sight:
        """Return which alarms this actor may see: those of covered councils too, and whatever they have in hand."""
        return Sight(self.councils | self.covered if self.councils else self.councils, self.id)

    def governs(self, councils: Collection[str]) -> bool:
        """Say whether these councils, of which none means all, lie within the actor's own."""
        return not self.councils or (bool(councils) and self.councils.issuperset(councils))

    def covering(self, councils: Iterable[str]) -> "Actor":
        """Return the actor while these councils are covered by theirs: those who handle alarms all day stand in."""
        return replace(self, covered=frozenset(councils if self.role in STAND_IN else ()))

    def sees(self, council_id: str | None) -> bool:
        """Say whether rows of this council are this actor's business. An unknown hub's alarm is everybody's."""
        return council_id is None or not self.councils or council_id in self.councils
