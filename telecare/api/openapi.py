"""The description of the API: true about what fails and how one logs in."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_PROBLEM = {
    "title": "Problem",
    "description": "What went wrong and how to mend it (RFC 9457)",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "urn:telecare:problem:… names the kind"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "for a person to read"},
        "instance": {"type": "string", "description": "the path that was asked for"},
        "request_id": {"type": ["string", "null"], "description": "quote this when you report it"},
        "errors": {
            "type": "array",
            "description": "each field that is wrong",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}

_MEANINGS = {
    401: "Nobody is logged in, or the token is not valid",
    403: "The role, or a missing CSRF token, does not allow it",
    404: "There is no such thing, or not for this user",
    409: "It does not fit the present state",
    413: "The body is larger than 1 MiB (a list to import: 32 MiB)",
    422: "The input cannot be used; `errors` names each field",
    503: "The service cannot do this just now: try again after `Retry-After` seconds",
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these problems, for `responses=`."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": _MEANINGS[status], "content": {"application/problem+json": schema}}
        for status in statuses
    }


PROBLEMS = problem_responses(*_MEANINGS)
"""What any operation under /api/v1 may answer besides its success."""


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = _PROBLEM
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "telecare_session"},
        }
        for path, operations in document["paths"].items():
            if path.startswith("/api/"):
                for operation in operations.values():
                    operation["security"] = [{"token": []}, {"session": []}]
        app.openapi_schema = document
    return app.openapi_schema
