"""One local cloud for all tests that talk to one; each makes its own roles, functions and machines in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.ministack import LocalCloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    log = tmp_path_factory.mktemp("cloud") / "cloud.log"
    with LocalCloud.start(log=log, speed=600) as running:
        yield running
