"""Who logs in to a demo, the token of its demo.json, and those of its simulated operators."""

import hashlib

from sqlalchemy.ext.asyncio import AsyncSession

from telecare.access.accounts import create_user
from telecare.access.domain import UserRole
from telecare.access.models import ApiToken
from telecare.access.repository import ApiTokenRepository, UserRepository
from telecare.access.service import token_hash
from telecare.embedded.secrets import DemoSecrets
from telecare.kernel.ids import new_id

USERS = (
    ("fiona", "Fiona Ross", UserRole.OPERATOR),
    ("calum", "Calum Reid", UserRole.OPERATOR),
    ("sheila", "Sheila Munro", UserRole.SUPERVISOR),
    ("ewan", "Ewan Baird", UserRole.ENGINEER),
    ("admin", "Ailsa Grant", UserRole.ADMINISTRATOR),
)

SIMULATED = ("Isla (simulated)", "Rory (simulated)", "Mhairi (simulated)")


def simulated_tokens(secrets: DemoSecrets) -> dict[str, str]:
    """Return the token of each simulated operator; it follows from the folder's secret."""
    return {name: f"tc_{hashlib.sha256(f'{secrets.fleet_secret}/{name}'.encode()).hexdigest()}" for name in SIMULATED}


async def add_people(session: AsyncSession, secrets: DemoSecrets) -> None:
    """Put in the users, once, and the tokens; the same at each start of a folder."""
    users = UserRepository(session)
    for username, display_name, role in USERS:
        if await users.by_username(username) is None:
            await create_user(
                session, username=username, display_name=display_name, password=secrets.operator_password, role=role
            )
    tokens = ApiTokenRepository(session)
    wanted = [("demo", secrets.api_token, UserRole.ADMINISTRATOR)]
    wanted += [(name, plain, UserRole.OPERATOR) for name, plain in simulated_tokens(secrets).items()]
    for name, plain, role in wanted:
        hashed = token_hash(plain)
        if await tokens.find(hashed) is None:
            await tokens.add(ApiToken(id=new_id(), token_hash=hashed, name=name, role=role, councils=[]))
