"""The page of the operations: whoever reads nothing else knows what to send and what comes back."""

import re
from typing import Any

import pytest

from telecare.api.docs import render
from telecare.api.docs_forms import example, form
from tests.description import description


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return description()


@pytest.fixture(scope="module")
def page(document: dict[str, Any]) -> str:
    return render(document)


def test_each_form_is_there_with_each_of_its_fields(document: dict[str, Any], page: str) -> None:
    for name, schema in document["components"]["schemas"].items():
        _, _, after = page.partition(f'<h3 id="form-{name}">')
        section, _, _ = after.partition("<h3 ")
        assert section, name
        for field in schema.get("properties", {}):
            assert f"<code>{field}</code>" in section, (name, field)


def test_each_link_leads_somewhere_and_no_place_has_two_names(page: str) -> None:
    places = re.findall(r' id="([^"]+)"', page)
    assert len(places) == len(set(places))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(places)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 500}, "integer, 1 to 500"),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}, "time or null"),
        (
            {"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 3},
            "list of text, at most 9, at most 3",
        ),
        ({"enum": ["a<b"]}, "<code>a&lt;b</code>"),
        ({"$ref": "#/components/schemas/HubIn"}, '<a href="#form-HubIn">HubIn</a>'),
    ],
)
def test_a_schema_in_words(schema: dict[str, Any], words: str) -> None:
    assert form(schema) == words


def test_an_example_has_what_is_required_and_no_more(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    sent = example({"$ref": "#/components/schemas/InstallationIn"}, schemas)
    assert set(sent) == {"person_id", "premises_id"}
