"""The simulation is only true while the program has no door to the outside that it does not know of."""

import ast
import inspect
from pathlib import Path

import pytest

import matching.runtime
from exchange_site.simulation import seams
from exchange_site.simulation.machine_disk import MachineDisk
from exchange_site.simulation.run import simulate
from matching.runtime import disk

OF_OS = {
    "getpid",
    "kill",
    "fork",
    "waitpid",
    "_exit",
    "nice",
    "waitstatus_to_exitcode",
    "WNOHANG",
}  # For a child.
FILE_METHODS = {
    "open", "read_bytes", "read_text", "write_bytes", "write_text", "unlink", "rename", "replace", "mkdir", "stat",
    "exists", "iterdir", "glob", "touch", "rmdir", "is_file", "is_dir",
}  # fmt: skip
OUTSIDE = {"disk.py", "metrics_server.py"}  # The seam itself; a process beside the engine that only shows figures.
FROM_IMPORTS_FORBIDDEN = {"time", "os", "random", "secrets", "gc", "socket"}


def runtime_files():
    folder = Path(matching.runtime.__file__).parent
    return [path for path in sorted(folder.glob("*.py")) if path.name not in OUTSIDE]


@pytest.mark.parametrize("path", runtime_files(), ids=lambda path: path.name)
def test_the_runtime_touches_files_only_through_its_disk(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.module not in FROM_IMPORTS_FORBIDDEN, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Name):
            assert node.id != "open", f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if owner == "os":
                assert node.attr in OF_OS, f"{path.name}:{node.lineno} os.{node.attr}"
            elif owner.endswith(("path", "directory", "file", "unfinished")):
                assert node.attr not in FILE_METHODS, f"{path.name}:{node.lineno} {owner}.{node.attr}"


def test_every_function_of_the_disk_has_its_simulated_twin():
    for name in seams.disk_functions():
        twin = getattr(MachineDisk, name)
        real = getattr(disk, name)
        if inspect.isfunction(real):
            wanted = len(inspect.signature(real).parameters)
            assert len(inspect.signature(twin).parameters) == wanted + 1, name


def test_everything_is_put_back():
    before = all_names()
    simulate(1, batches_each=1)
    assert all_names() == before


def all_names():
    modules = [*seams.program_modules(), disk]
    return {(module.__name__, name): value for module in modules for name, value in vars(module).items()}
