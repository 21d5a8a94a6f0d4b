"""What the API says and takes about users, tokens and the audit."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from telecare.access.accounts import PASSWORD_MAX, PASSWORD_MIN, USERNAME
from telecare.access.domain import Permission, UserRole

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Username = Annotated[str, Field(pattern=f"^{USERNAME}$", description="letters, digits and . _ @ -")]
Password = Annotated[str, Field(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX, description="long beats complicated")]
Councils = Annotated[
    frozenset[Annotated[str, Field(pattern=r"^S12[0-9]{6}$")]],
    Field(max_length=32, description="GSS codes; none means all councils of this control room"),
]


class Input(BaseModel):
    """What a caller sends: a name that we do not know is an error, not something to overlook."""

    model_config = ConfigDict(extra="forbid")


class Output(BaseModel):
    """What we answer, read from the attributes of domain objects."""

    model_config = ConfigDict(from_attributes=True)


class FeedOut(Output):
    """An address that a calendar program can subscribe to; it is shown this once."""

    url: str


class Me(Output):
    """Who is asking, and what that lets them do."""

    id: UUID
    kind: str
    name: str
    role: UserRole
    councils: list[str]
    permissions: list[Permission]


class UserOut(Output):
    """A user without the password."""

    id: UUID
    username: str
    display_name: str
    role: UserRole
    councils: list[str]
    active: bool
    locked_until: datetime | None
    created_at: datetime


class UserIn(Input):
    """A user to create."""

    username: Username
    display_name: Name
    password: Password
    role: UserRole
    councils: Councils = frozenset()


class UserPatch(Input):
    """What to change of a user; what is left out stays, and nothing of it can be removed."""

    display_name: Name | None = None
    role: UserRole | None = None
    active: bool | None = None
    councils: Councils | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _check_kept(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("this may be changed, not removed")
        return value


class PasswordIn(Input):
    """A new password."""

    password: Password


class TokenOut(Output):
    """An API token without its text."""

    id: UUID
    name: str
    role: UserRole
    councils: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenIssued(TokenOut):
    """A fresh API token; its text is shown this once."""

    token: str


class TokenIn(Input):
    """An API token to issue."""

    name: Name
    role: UserRole
    councils: Councils = frozenset()
    expires_at: AwareDatetime | None = None


class AuditOut(Output):
    """One access or change."""

    id: UUID
    at: datetime
    actor: str
    action: str
    subject_kind: str
    subject_id: str
    council_id: str | None
    reason: str | None
    details: dict[str, Any] | None
