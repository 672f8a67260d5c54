"""Starts many instances: by groups that EC2 refuses together, paced, and for a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from botocore.exceptions import ClientError

from shared.aws.bisection import halves
from shared.aws.errors import AwsCallError, ThrottledError, calling
from shared.aws.rate_limits import elapsed_since, pace, time_now
from shared.model.scope import Scope
from shared.rules.drs.drs_error_handler import ErrorKind

IDS_PER_CALL = 100
SECONDS = 120.0
"""What one invocation spends on asking; half of what it may take."""
ENOUGH = 8
"""After so many refusals in a row for want of capacity, the rest of a group is taken for refused too."""


class InstanceStarter:
    """``call(ids)`` is StartInstances in ``scope``, without repeats of its own.

    A refusal concerns the whole call: the healthy are found by halving it. EC2 has capacity for a type in a
    zone, so that instances are asked for by these: every group once, then the rejected ones by halves, and a
    group without any is given up soon. 1,000 instances of ten kinds take about ten calls if EC2 refuses none.
    """

    def __init__(self, call: Callable[[list[str]], object], scope: Scope) -> None:
        self._call = call
        self._scope = scope
        self._began = time_now()
        self._refused: dict[str, AwsCallError] = {}
        self._lacking: AwsCallError | None = None

    def start(self, groups: dict[Hashable, list[str]]) -> dict[str, AwsCallError]:
        """Those that EC2 refuses, each with its error; for want of capacity also those not asked for.

        Raises ThrottledError, and AwsUnavailableError without an answer: neither is about an instance.
        """
        refused = [self._rejected(_calls(ids)) for ids in sorted(groups.values(), key=len, reverse=True)]
        for calls in refused:
            self._halve(calls)
        return self._refused

    def _rejected(self, calls: Sequence[list[str]]) -> list[list[str]]:
        """Ask for all of a group once; the calls that EC2 rejected."""
        return [some for some in calls if (error := self._asked(some)) and not self._is_noted(some, error)]

    def _halve(self, calls: Sequence[list[str]]) -> None:
        """Find the healthy among the rejected, until the group lacks capacity or the time is over."""
        pending = [half for some in calls for half in halves(some)]
        in_a_row = 0
        while pending:
            some = pending.pop(0)
            if self._lacking is not None and (in_a_row >= ENOUGH or elapsed_since(self._began) > SECONDS):
                self._refused |= dict.fromkeys(some, self._lacking)
                continue
            error = self._asked(some)
            if error is None:
                in_a_row = 0
            elif self._is_noted(some, error):
                in_a_row += error.explanation.kind is ErrorKind.CAPACITY
            else:
                pending = halves(some) + pending

    def _is_noted(self, some: list[str], error: AwsCallError) -> bool:
        """Whether the error concerns one instance, which then is noted as refused."""
        if error.explanation.kind is ErrorKind.CAPACITY:
            self._lacking = error
        if len(some) == 1:
            self._refused[some[0]] = error
        return len(some) == 1

    def _asked(self, some: list[str]) -> AwsCallError | None:
        pace("StartInstances", self._scope)
        try:
            with calling("StartInstances", str(self._scope)):
                self._call(some)
        except ThrottledError:
            raise
        except AwsCallError as error:
            if not isinstance(error.__cause__, ClientError):
                raise
            return error
        return None


def _calls(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[n : n + IDS_PER_CALL]) for n in range(0, len(ids), IDS_PER_CALL)]
