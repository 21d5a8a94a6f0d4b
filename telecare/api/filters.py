"""What lists are narrowed by, the same for each of them."""

from typing import Annotated

from fastapi import Query

from devices.registry.fields import CouncilRef

Council = Annotated[CouncilRef | None, Query(description="a GSS code, also a former one, or a name")]
Search = Annotated[str | None, Query(max_length=120, description="looked for anywhere in the texts, as it is")]
