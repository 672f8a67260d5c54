"""What can go wrong: in a definition, with a task's token, and in a call of the API."""

from __future__ import annotations


class DefinitionError(ValueError):
    """AWS would refuse the definition; the message says why and where."""


class TaskDoesNotExistError(LookupError):
    """The task of a token has ended."""


class TaskTimedOutError(LookupError):
    """The task of a token has timed out."""


class StatesError(Exception):
    """An error of the Step Functions API; ``code`` is its name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
