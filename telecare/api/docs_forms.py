"""JSON schemas in words, and an example of each."""

from html import escape
from typing import Any

_FORMATS = {"uuid": "id", "date-time": "time", "date": "day"}
_EXAMPLES = {
    "uuid": "0190a8f2-0000-7000-8000-000000000000", "date-time": "2026-11-25T09:30:00Z", "date": "2026-11-25",
}  # fmt: skip
_BY_TYPE: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "string": "text", "object": {}, "null": None}


def form(schema: dict[str, Any]) -> str:
    """Return in HTML what a value may be: a list of values, a type with its bounds, a link to a form."""
    if "$ref" in schema:
        name = escape(_name(schema))
        return f'<a href="#form-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(form(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {form(schema.get('items', {}))}{_bounds(schema, 'Items')}"
    kind = schema.get("type", "any")
    if kind == "string":
        kind = _FORMATS.get(schema.get("format", ""), "text")
        pattern = f", <code>{escape(schema['pattern'])}</code>" if "pattern" in schema else ""
        return f"{kind}{_bounds(schema, 'Length')}{pattern}"
    return f"{'yes or no' if kind == 'boolean' else escape(str(kind))}{_bounds(schema)}"


def example(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """Return the smallest value that a schema takes, or nearly."""
    if "$ref" in schema:
        return example(schemas[_name(schema)], schemas)
    if "anyOf" in schema:
        return example(schema["anyOf"][0], schemas)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [example(schema.get("items", {}), schemas)]
    if "properties" in schema:
        return {name: example(schema["properties"][name], schemas) for name in schema.get("required", ())}
    return _EXAMPLES.get(schema.get("format", ""), _BY_TYPE[schema.get("type", "string")])


def _name(schema: dict[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _bounds(schema: dict[str, Any], of: str = "") -> str:
    low, high = (
        (schema.get(f"min{of}"), schema.get(f"max{of}")) if of else (schema.get("minimum"), schema.get("maximum"))
    )
    if low is None and high is None:
        return ""
    if low is None:
        return f", at most {high:g}"
    return f", at least {low:g}" if high is None else f", {low:g} to {high:g}"
