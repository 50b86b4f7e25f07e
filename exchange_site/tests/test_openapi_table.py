"""The description says everything: each route has examples, and each example is what its schema describes."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from exchange_site.kernel import errors
from exchange_site.openapi.components import SCHEMAS
from exchange_site.openapi.operations import OPERATIONS, TAGS
from exchange_site.openapi.schema import whole_schema

NO_SAMPLE = {"/api/schema", "/api/v1/liabilities", "/wapi/v1/liabilities"}  # Too long, or shown by their own page.


def plain(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON schema: `nullable` is its own word, references are looked up."""
    if isinstance(schema, list):
        return [plain(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return plain(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    found = {key: plain(value) for key, value in schema.items() if key not in ("nullable", "example")}
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") else found


def sample(schema: dict[str, Any]) -> Any:
    """The example that a reader is shown; None where there is none."""
    if "$ref" in schema:
        return sample(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    if "example" in schema:
        return schema["example"]
    if schema.get("type") == "array":
        member = sample(schema["items"])
        return None if member is None else [member]
    return next((found for each in schema.get("oneOf", ()) if (found := sample(each)) is not None), None)


@pytest.mark.parametrize("name", [name for name in SCHEMAS if sample(SCHEMAS[name]) is not None])
def test_an_example_is_what_its_schema_describes(name: str) -> None:
    schema = SCHEMAS[name]
    jsonschema.validate(sample(schema), plain(schema))
    if "properties" in schema:
        assert set(schema.get("required", ())) <= set(sample(schema)) <= set(schema["properties"])


def test_every_answer_has_an_example() -> None:
    lacking = {
        key
        for key, it in OPERATIONS.items()
        if it.answer is not None and it.media == "application/json" and sample(it.answer) is None
    }
    assert {path for _, path in lacking} <= NO_SAMPLE


def test_every_body_has_an_example_that_fits() -> None:
    for key, it in OPERATIONS.items():
        if it.body is not None:
            content = it.body["content"]["application/json"]
            jsonschema.validate(content["example"], plain(content["schema"]))
            assert content["example"], key


def test_every_parameter_that_is_needed_has_an_example() -> None:
    paths = whole_schema()["paths"]
    lacking = [
        (method, path, parameter["name"])
        for path, methods in paths.items()
        for method, it in methods.items()
        for parameter in it.get("parameters", ())
        if parameter.get("required") and not parameter["schema"].keys() & {"example", "enum", "default"}
    ]
    assert not lacking


def test_every_route_is_in_the_document() -> None:
    described = {(method.upper(), path) for path, methods in whole_schema()["paths"].items() for method in methods}
    assert described == set(OPERATIONS)
    for path, methods in whole_schema()["paths"].items():
        for method, it in methods.items():
            assert it["summary"], (method, path)
            assert set(it["tags"]) <= set(TAGS), (method, path)
            assert any(status.startswith("4") for status in it["responses"]), (method, path)


def test_a_signed_route_says_which_word_it_signs() -> None:
    paths = whole_schema()["paths"]
    assert paths["/api/v1/order"]["post"]["description"] == "Signs the instruction `orderExecute`."
    assert "description" not in paths["/api/v1/depth"]["get"]


def test_every_code_is_explained_to_people() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rest.md").read_text(encoding="utf-8")
    table = text.partition("## Errors and retries")[2].partition("## Limits")[0]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, errors.ErrorKind)]
    lacking = [
        (kind.code, kind.status)
        for kind in kinds
        if not any(f"`{kind.code}`" in line and str(kind.status) in line for line in table.splitlines())
    ]
    assert not lacking
