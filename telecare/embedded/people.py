"""Who logs in to a demo, and the token of its demo.json."""

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


async def add_people(session: AsyncSession, secrets: DemoSecrets) -> None:
    """Put in the users, once, and the token; the same at each start of a folder."""
    users = UserRepository(session)
    for username, display_name, role in USERS:
        if await users.by_username(username) is None:
            await create_user(
                session, username=username, display_name=display_name, password=secrets.operator_password, role=role
            )
    tokens = ApiTokenRepository(session)
    hashed = token_hash(secrets.api_token)
    if await tokens.find(hashed) is None:
        token = ApiToken(id=new_id(), token_hash=hashed, name="demo", role=UserRole.ADMINISTRATOR, councils=[])
        await tokens.add(token)
