"""All queries on people and premises, and on what belongs to them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from devices.registry.models import Contact, Council, Line, Person, Premises
from devices.registry.repository import escaped
from telecare.kernel.errors import NotFoundError
from telecare.kernel.ids import new_id


class PersonRepository:
    """Reads and writes of people and their contacts; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.session = session
        self.councils = councils

    async def page(
        self, q: str | None, council: str | None, after: tuple[str, str, UUID] | None, limit: int
    ) -> Sequence[Person]:
        """Return people by family name, given name and id, those after such a key."""
        key = (func.lower(Person.family_name), func.lower(Person.given_name), Person.id)
        statement = self._mine(select(Person)).order_by(*key).limit(limit)
        if q:
            pattern = f"%{escaped(q)}%"
            full_name = func.concat(Person.given_name, " ", Person.family_name)
            spoken_name = func.concat(Person.preferred_name, " ", Person.family_name)
            statement = statement.where(or_(full_name.ilike(pattern), spoken_name.ilike(pattern)))
        if council is not None:
            statement = statement.where(Person.council_id == council)
        if after is not None:
            # The database's own small letters: Python's are others beyond ASCII, and a page would be skipped.
            family, given, person_id = after
            statement = statement.where(tuple_(*key) > tuple_(func.lower(family), func.lower(given), person_id))
        return list((await self.session.execute(statement)).scalars())

    async def require(self, person_id: UUID) -> Person:
        """Return a person, or raise NotFoundError."""
        statement = self._mine(select(Person).where(Person.id == person_id))
        person: Person | None = (await self.session.execute(statement)).scalar_one_or_none()
        if person is None:
            raise NotFoundError(f"There is no person {person_id}")
        return person

    async def add(self, **columns: Any) -> Person:
        """Add a person."""
        person = Person(id=new_id(), **columns)
        self.session.add(person)
        await self.session.flush()
        await self.session.refresh(person)
        return person

    async def contacts(self, person_id: UUID) -> Sequence[Contact]:
        """Return a person's contacts in their order."""
        statement = select(Contact).where(Contact.person_id == person_id).order_by(Contact.position)
        return (await self.session.execute(statement)).scalars().all()

    async def replace_contacts(self, person: Person, contacts: Sequence[dict[str, Any]]) -> Sequence[Contact]:
        """Put these contacts, in this order, in the place of all that were there."""
        await self.session.execute(delete(Contact).where(Contact.person_id == person.id))
        for position, columns in enumerate(contacts, 1):
            row = {"id": new_id(), "person_id": person.id, "council_id": person.council_id, "position": position}
            self.session.add(Contact(**row, **columns))
        await self.session.flush()
        return await self.contacts(person.id)

    def _mine(self, statement: Select[Any]) -> Select[Any]:
        return statement.where(Person.council_id.in_(self.councils)) if self.councils else statement


class PremisesRepository:
    """Reads and writes of premises and their lines; `councils` empty means all."""

    def __init__(self, session: AsyncSession, councils: frozenset[str]) -> None:
        self.session = session
        self.councils = councils

    async def page(
        self, q: str | None, council: str | None, after: tuple[str, UUID] | None, limit: int
    ) -> Sequence[Premises]:
        """Return premises by postcode and id."""
        statement = self._mine(select(Premises)).order_by(Premises.postcode, Premises.id).limit(limit)
        if q:
            pattern = f"%{escaped(q)}%"
            whole = func.concat(Premises.address, ", ", Premises.town, " ", Premises.postcode)
            packed = func.replace(Premises.postcode, " ", "")
            statement = statement.where(or_(whole.ilike(pattern), packed.ilike(pattern), Premises.uprn == q))
        if council is not None:
            statement = statement.where(Premises.council_id == council)
        if after is not None:
            statement = statement.where(tuple_(Premises.postcode, Premises.id) > tuple_(*after))
        return list((await self.session.execute(statement)).scalars())

    async def require(self, premises_id: UUID) -> Premises:
        """Return premises, or raise NotFoundError."""
        statement = self._mine(select(Premises).where(Premises.id == premises_id))
        premises: Premises | None = (await self.session.execute(statement)).scalar_one_or_none()
        if premises is None:
            raise NotFoundError(f"There are no premises {premises_id}")
        return premises

    async def by_uprn(self, council_id: str, uprn: str | None) -> Premises | None:
        """Return a council's premises with this UPRN, or None."""
        statement = self._mine(select(Premises).where(Premises.council_id == council_id, Premises.uprn == uprn))
        premises: Premises | None = (await self.session.execute(statement)).scalar_one_or_none()
        return premises

    async def add(self, **columns: Any) -> Premises:
        """Add premises."""
        premises = Premises(id=new_id(), **columns)
        self.session.add(premises)
        await self.session.flush()
        return premises

    async def lines(self, premises_id: UUID) -> Sequence[Line]:
        """Return the telephone lines of premises."""
        statement = select(Line).where(Line.premises_id == premises_id).order_by(Line.id)
        return (await self.session.execute(statement)).scalars().all()

    async def replace_lines(self, premises: Premises, lines: Sequence[dict[str, Any]]) -> Sequence[Line]:
        """Put these lines in the place of all that were there."""
        await self.session.execute(delete(Line).where(Line.premises_id == premises.id))
        for columns in lines:
            row = {"id": new_id(), "premises_id": premises.id, "council_id": premises.council_id}
            self.session.add(Line(**row, **columns))
        await self.session.flush()
        return await self.lines(premises.id)

    def _mine(self, statement: Select[Any]) -> Select[Any]:
        return statement.where(Premises.council_id.in_(self.councils)) if self.councils else statement


async def council_exists(session: AsyncSession, code: str) -> bool:
    """Say whether there is a council with this code."""
    return await session.get(Council, code) is not None
