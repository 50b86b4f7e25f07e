"""The test vectors of docs/liabilities.md, and the program that people download."""

import importlib.util
import json
import re
from typing import Any

from django.conf import settings

DOCUMENT = settings.BASE_DIR / "docs/liabilities.md"
PROGRAM = settings.BASE_DIR / "static/verify/verify_liabilities.py"


def document_json(number: int) -> Any:
    """The n-th block of JSON in the document."""
    return json.loads(re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[number])


def program() -> Any:
    spec = importlib.util.spec_from_file_location("verify_liabilities", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
