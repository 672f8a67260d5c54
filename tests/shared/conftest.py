"""Gateways and services meet AWS as the handlers do."""

from tests.handlers.conftest import estate, wire

__all__ = ["estate", "wire"]
