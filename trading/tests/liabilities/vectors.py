"""The test vectors of docs/liabilities.md, and the program that people download."""

import json
import re
import runpy
from types import SimpleNamespace
from typing import Any

from django.conf import settings

DOCUMENT = settings.BASE_DIR / "docs/liabilities.md"
PROGRAM = settings.BASE_DIR / "static/verify/verify_liabilities.py"


def document_json(number: int) -> Any:
    """The n-th block of JSON in the document."""
    return json.loads(re.findall(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[number])


def program() -> Any:
    """Its functions; run and not imported, so that no compiled file is left among what is served."""
    return SimpleNamespace(**runpy.run_path(str(PROGRAM)))
