"""Starts many instances: by groups that EC2 refuses together, paced, and for a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from shared.aws.bisection import halves
from shared.aws.drs_client import chunks
from shared.aws.errors import AwsCallError, refusal
from shared.aws.rate_limits import pace, time_now
from shared.model.scope import Scope
from shared.rules.drs.drs_error_handler import ErrorKind, Explanation

OPERATION = "StartInstances"
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

    def start(self, groups: dict[Hashable, list[str]]) -> dict[str, AwsCallError]:
        """Those that EC2 refuses, each with its error, and those that there was no time to ask for.

        Raises ThrottledError, and AwsUnavailableError without an answer: neither is about an instance.
        """
        refused = [self._rejected(ids) for ids in sorted(groups.values(), key=len, reverse=True)]
        for calls in refused:
            self._halve(calls)
        return self._refused

    def _rejected(self, ids: Sequence[str]) -> list[list[str]]:
        """Ask for all of a group once; the calls that EC2 rejected."""
        return [
            some
            for some in chunks(ids, IDS_PER_CALL)
            if (error := self._asked(some)) and not self._is_noted(some, error)
        ]

    def _halve(self, calls: Sequence[list[str]]) -> None:
        """Find the healthy among the rejected, until the group lacks capacity or the time is over."""
        pending = [half for some in calls for half in halves(some)]
        lacking: list[AwsCallError] = []
        while pending and len(lacking) < ENOUGH and time_now() - self._began <= SECONDS:
            some = pending.pop(0)
            error = self._asked(some)
            if error is None:
                lacking = []
            elif not self._is_noted(some, error):
                pending = halves(some) + pending
            elif error.explanation.kind is ErrorKind.CAPACITY:
                lacking.append(error)
        rest = lacking[-1] if len(lacking) >= ENOUGH else self._not_asked()
        self._refused |= dict.fromkeys((i for some in pending for i in some), rest)

    def _is_noted(self, some: list[str], error: AwsCallError) -> bool:
        """Whether the error concerns one instance, which then is noted as refused."""
        if len(some) == 1:
            self._refused[some[0]] = error
        return len(some) == 1

    def _asked(self, some: list[str]) -> AwsCallError | None:
        pace(OPERATION, self._scope)
        return refusal(OPERATION, str(self._scope), lambda: self._call(some))

    def _not_asked(self) -> AwsCallError:
        found = f"{OPERATION} in {self._scope}: not asked yet, since EC2 has refused so many others."
        return AwsCallError(
            found, "NotAsked", Explanation(ErrorKind.BUSY, True, "Nothing: it is asked again.")
        )
