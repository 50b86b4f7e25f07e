"""The core may not know the outside: no I/O, clock, randomness or float, and nothing that differs between processes."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "core"
ALLOWED = {"__future__", "bisect", "collections", "dataclasses", "enum", "hashlib", "heapq", "typing"}
ALLOWED |= {"msgspec", "matching.core", "matching.messages"}


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: path.name)
def test_core_stays_pure(path):
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    modules += ["." * node.level + (node.module or "") for node in nodes if isinstance(node, ast.ImportFrom)]
    for module in modules:  # Absolute imports only, so the list is the whole truth.
        assert any(f"{module}.".startswith(f"{allowed}.") for allowed in ALLOWED), module
    assert not any(isinstance(node, ast.Constant) and isinstance(node.value, float) for node in nodes)
    assert not any(isinstance(node, ast.Div) for node in nodes), "money divides with // and says how it rounds"
    assert not any(isinstance(node, ast.Set | ast.SetComp) for node in nodes), "sets have no order"
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"set", "frozenset", "hash", "id", "float", "open", "print"}


REPLAY = """
import hashlib, random
from matching import codec
from matching.tests.flows import random_commands
from matching.core.engine import Engine
engine, chain = Engine(), bytes(32)
for index, command in enumerate(random_commands(seed=11, count=3000)):
    outcome = engine.apply(command, f"1-0/{index}", index).outcome
    if outcome is not None:
        chain = hashlib.blake2b(chain + codec.encode(outcome), digest_size=32).digest()
print(chain.hex())
"""


def test_g04_two_processes_with_different_hash_seeds_agree():
    chains = set()
    for hash_seed in ("1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", REPLAY],
            cwd=CORE.parents[1],
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        chains.add(done.stdout.strip())
    assert len(chains) == 1
    assert len(chains.pop()) == 64


def test_the_model_knows_nothing_of_the_engine():
    """Two programs that share code share its mistakes: the model may import the vocabulary and itself."""
    allowed = {"collections", "dataclasses", "msgspec", "typing", "matching.messages", "matching.tests.model"}
    for path in sorted((CORE.parent / "tests" / "model").glob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        modules = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        modules += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        for module in modules:
            assert any(f"{module}.".startswith(f"{name}.") for name in allowed), f"{path.name} imports {module}"
