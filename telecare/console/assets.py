"""Styles, scripts and the icon, each under an address that changes with its content, so that it may be kept."""

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from telecare.kernel.errors import NotFoundError

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
KEEP = "public, max-age=31536000, immutable"

router = APIRouter()


@cache
def _files() -> dict[str, bytes]:
    """Return every file by its path below the folder: read once, and nothing else can be asked for."""
    found = (path for path in FOLDER.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in found}


@cache
def version() -> str:
    """Return a short digest of all files; modules import each other by relative address, so they share one."""
    digest = hashlib.sha256()
    for name, content in sorted(_files().items()):
        digest.update(name.encode() + content)
    return digest.hexdigest()[:12]


def asset(name: str) -> str:
    """Return the address of a file."""
    return f"/static/{version()}/{name}"


@router.get("/static/{_version}/{name:path}")
async def static(_version: str, name: str) -> Response:
    """Serve a file."""
    content = _files().get(name)
    if content is None:
        raise NotFoundError("There is no such file")
    media_type = TYPES["." + name.rpartition(".")[2]]
    return Response(content, media_type=media_type, headers={"Cache-Control": KEEP})


@router.get("/push-worker.js")
async def push_worker() -> Response:
    """Serve the worker that shows notifications at the root: a worker governs only what lies below its own address."""
    content = _files()["js/push-worker.js"]
    return Response(content, media_type=TYPES[".js"], headers={"Cache-Control": "no-cache"})


@router.get("/switchover/day-worker.js")
async def day_worker() -> Response:
    """Serve the worker that opens the engineer's day without signal; its policy lets it fetch what it is asked for."""
    content = _files()["js/day-worker.js"]
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'; connect-src 'self'"}
    return Response(content, media_type=TYPES[".js"], headers=headers)


@router.get("/favicon.ico")
async def favicon() -> Response:
    """Serve the icon where browsers look for it unasked."""
    return await static(version(), "icon.svg")
