"""The fleet file: accounts, servers, pairs and waves, and what is wrong with some of them.

``load`` reads and checks one, ``plan_document`` makes its plan, ``build`` makes it real in a local cloud.
The format is in ``docs/fleets.md`` and ``fleet.schema.json``.
"""

from local.fleet.building import BuiltServer, build
from local.fleet.cloud import Admin, ClientFactory, FleetNotBuiltError
from local.fleet.errors import FleetFileError, Problem
from local.fleet.expect import expected_failback, expected_outcomes
from local.fleet.loading import load
from local.fleet.model import Fleet, FleetSite, FleetWave, Issue, IssueKind, Place, Server, Target
from local.fleet.plan import plan_document

__all__ = [
    "Admin",
    "BuiltServer",
    "ClientFactory",
    "Fleet",
    "FleetFileError",
    "FleetNotBuiltError",
    "FleetSite",
    "FleetWave",
    "Issue",
    "IssueKind",
    "Place",
    "Problem",
    "Server",
    "Target",
    "build",
    "expected_failback",
    "expected_outcomes",
    "load",
    "plan_document",
]
