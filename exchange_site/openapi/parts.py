"""Small words of the schema: types of the wire, references, parameters."""

from typing import Any

Schema = dict[str, Any]

DECIMAL: Schema = {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$", "example": "20.15"}
AMOUNT: Schema = {"type": "string", "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$", "example": "0.5"}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NOTHING: Schema = {"type": "string", "nullable": True, "enum": [None]}
DIGITS: Schema = {"type": "string", "pattern": "^[0-9]+$", "example": "112233"}
MS: Schema = {"type": "integer", "format": "int64", "description": "Milliseconds since 1970.", "example": 1750000000123}
US: Schema = {"type": "integer", "format": "int64", "description": "Microseconds since 1970."}
CLIENT_ID: Schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 4294967295, "example": 7}
MOMENT: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$",
    "description": "UTC, without a zone.",
    "example": "2026-01-31T23:59:59.123",
}
SIDE: Schema = {"type": "string", "enum": ["Bid", "Ask"]}
SYMBOL: Schema = {"type": "string", "example": "SOL_USDC"}
# What requests may send where a decimal is meant: text, or a JSON number whose digits are taken as written.
ASKED: Schema = {
    "oneOf": [
        {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$"},
        {"type": "number", "minimum": 0},
    ],
    "example": "20.15",
}
ASKED_ID: Schema = {"oneOf": [{"type": "string", "pattern": "^[0-9]{1,19}$"}, {"type": "integer", "minimum": 0}]}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    if "$ref" in schema:
        return {"allOf": [schema], "nullable": True}
    return {**schema, "nullable": True}


def words(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None, example: Any = None) -> Schema:
    """An object; members may be added to it later, so others are allowed."""
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}}
    if required:
        schema["required"] = list(required)
    if example is not None:
        schema["example"] = example
    return schema


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def query(name: str, schema: Schema, *, required: bool = False, about: str = "") -> Schema:
    found: Schema = {"in": "query", "name": name, "schema": schema}
    if required:
        found["required"] = True
    if about:
        found["description"] = about
    return found


def header(name: str, schema: Schema, *, about: str = "") -> Schema:
    return {"in": "header", "name": name, "schema": schema, "description": about}


def body(schema: Schema, example: Any) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
