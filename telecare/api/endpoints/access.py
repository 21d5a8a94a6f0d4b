"""Who is asking, users and API tokens. Requests and replies here hold secrets, so none is kept for a repeat."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from telecare.access import accounts
from telecare.access.accounts import UserChange
from telecare.access.domain import PERMISSIONS, Actor, Permission
from telecare.access.models import User
from telecare.access.repository import ApiTokenRepository, UserRepository
from telecare.access.schemas import (
    Me,
    PasswordIn,
    TokenIn,
    TokenIssued,
    TokenOut,
    UserIn,
    UserOut,
    UserPatch,
)
from telecare.api.deps import CurrentActor, Needs, Transaction
from telecare.api.paging import Cursor, Limit, Page, decode_cursor, page_of
from telecare.api.routing import api_router, never_replayed

router = api_router("", "access")

Administrator = Annotated[Actor, Depends(Needs(Permission.ADMINISTER))]


@router.get("/me")
async def me(actor: CurrentActor) -> Me:
    """Say who is asking and what that role may do."""
    return Me(
        id=actor.id,
        kind=actor.kind,
        name=actor.name,
        role=actor.role,
        councils=sorted(actor.councils),
        permissions=sorted(PERMISSIONS[actor.role]),
    )


@router.get("/users")
async def list_users(
    session: Transaction, actor: Administrator, limit: Limit = 50, cursor: Cursor = None
) -> Page[UserOut]:
    """List users by user name."""
    after = decode_cursor(cursor, str)
    users = await UserRepository(session).page(actor, after[0] if after else None, limit + 1)
    return page_of(users, limit, UserOut.model_validate, lambda user: (user.username.lower(),))


@router.post("/users", status_code=201)
@never_replayed
async def create_user(body: UserIn, session: Transaction, actor: Administrator) -> UserOut:
    """Create a user. A second try with the same user name is a 409, so a repeat does no harm."""
    user = await accounts.create_user(
        session,
        username=body.username,
        display_name=body.display_name,
        password=body.password,
        role=body.role,
        councils=body.councils,
        by=actor,
    )
    return UserOut.model_validate(user)


@router.patch("/users/{user_id}")
async def change_user(user_id: UUID, body: UserPatch, session: Transaction, actor: Administrator) -> UserOut:
    """Change a user's name, role, councils, or switch the user off or on."""
    user: User = await accounts.change_user(session, user_id, UserChange(**body.model_dump()), actor)
    return UserOut.model_validate(user)


@router.put("/users/{user_id}/password", status_code=204)
async def set_password(user_id: UUID, body: PasswordIn, session: Transaction, actor: Administrator) -> None:
    """Set a user's password and log the user out everywhere."""
    await accounts.set_password(session, user_id, body.password, actor)


@router.get("/tokens")
async def list_tokens(
    session: Transaction, actor: Administrator, limit: Limit = 50, cursor: Cursor = None
) -> Page[TokenOut]:
    """List API tokens, newest first, revoked ones too; never their text."""
    before = decode_cursor(cursor, UUID)
    tokens = await ApiTokenRepository(session).page(actor, before[0] if before else None, limit + 1)
    return page_of(tokens, limit, TokenOut.model_validate, lambda token: (token.id,))


@router.post("/tokens", status_code=201)
@never_replayed
async def create_token(body: TokenIn, session: Transaction, actor: Administrator) -> TokenIssued:
    """Issue an API token; its text is in this reply and nowhere else. Revoke a token whose reply got lost."""
    token, plain = await accounts.create_api_token(
        session, name=body.name, role=body.role, councils=body.councils, expires_at=body.expires_at, by=actor
    )
    return TokenIssued(**TokenOut.model_validate(token).model_dump(), token=plain)


@router.delete("/tokens/{token_id}", status_code=204)
async def revoke_token(token_id: UUID, session: Transaction, actor: Administrator) -> None:
    """Revoke an API token at once."""
    await accounts.revoke_api_token(session, token_id, actor)
