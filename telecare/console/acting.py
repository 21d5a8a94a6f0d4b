"""What a form asks for is done by the API's own endpoint, or the page comes again with what was typed and why not."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecare.console.forms import FormError
from telecare.kernel.errors import ConflictError, ForbiddenError, InvalidError

REFUSED = (FormError, ConflictError, InvalidError, ForbiddenError)
"""What a person can mend, or must be told about where they are: it is shown on the page."""
SEE_OTHER = 303


async def acted(
    session: AsyncSession,
    act: Callable[[], Awaitable[Any]],
    again: Callable[[Exception], Awaitable[Response]],
    to: str,
) -> Response:
    """Do it and go on to a page; or take all of it back, and return what `again` makes of the refusal.

    `act` reads the form too, so that what cannot be read is a refusal like any other.
    """
    try:
        async with session.begin_nested():
            await act()
    except REFUSED as error:
        return await again(error)
    return RedirectResponse(to, SEE_OTHER)
