"""Options of the engine's tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nightly", action="store_true", help="engine: a million random commands, and many more seeds of the model"
    )


@pytest.fixture
def nightly(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--nightly")
