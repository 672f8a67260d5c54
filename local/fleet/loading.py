"""From a path to a Fleet, or to every reason why not."""

from __future__ import annotations

from pathlib import Path

from local.fleet.consistency import inconsistencies
from local.fleet.document import read
from local.fleet.errors import FleetFileError
from local.fleet.expand import expand
from local.fleet.model import Fleet
from local.fleet.schema_errors import complaints


def load(path: Path | str) -> Fleet:
    """Read, check and expand a fleet file. Raises FleetFileError with every problem found."""
    file = Path(path)
    document = read(file)
    for check in (complaints, inconsistencies):
        if problems := check(document):
            raise FleetFileError(file, problems)
    return expand(file, document.content)
