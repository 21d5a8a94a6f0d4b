"""JSON from strangers, made safe to store: PostgreSQL takes neither NUL nor lone surrogates in text."""

from typing import Any

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean_text(text: str) -> str:
    """Replace what PostgreSQL cannot store (NUL, lone surrogates) by U+FFFD; everything else stays as sent."""
    if text.isascii() and "\x00" not in text:
        return text
    return "".join(_REPLACEMENT if char == "\x00" or "\ud800" <= char <= "\udfff" else char for char in text)


def clean(value: Any) -> Any:
    """Clean every string inside a JSON value, keys included."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(str(key)): clean(item) for key, item in value.items()}
    return value
