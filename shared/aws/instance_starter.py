"""Starts many instances: by groups that EC2 refuses together, paced, and for a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from shared.aws.bisection import halves
from shared.aws.drs_client import chunks
from shared.aws.errors import AwsCallError, ThrottledError, refusal
from shared.aws.rate_limits import pace, pause, time_now
from shared.model.scope import Scope
from shared.rules.drs.drs_error_handler import ErrorKind, Explanation

OPERATION = "StartInstances"
IDS_PER_CALL = 100
ASKING_SECONDS = 40.0
"""What one invocation spends on asking for every group once: the healthy start within a minute."""
SECONDS = 120.0
"""What one invocation spends on asking in all; half of what it may take."""
ENOUGH = 8
"""After so many refusals in a row for want of capacity, the rest of a group is taken for refused too."""
LONGEST_PAUSE = 8.0
"""Seconds between two attempts of a call that is throttled."""

Groups = Mapping[Hashable, Sequence[str]]


class InstanceStarter:
    """``call(ids)`` is StartInstances in ``scope``, without repeats of its own.

    A refusal concerns the whole call: the healthy are found by halving it. EC2 has capacity for a type in a
    zone, so that instances are asked for by these: every group once, then the rejected ones by halves, and a
    group without any is given up soon. 1,000 instances of ten kinds take about ten calls if EC2 refuses none.

    EC2's bucket is the account's: other invocations and programs take from it as well. A throttled call is
    repeated as a whole while there is time, and left for the next invocation then.
    """

    def __init__(self, call: Callable[[list[str]], object], scope: Scope, groups: Groups) -> None:
        self._call = call
        self._scope = scope
        self._groups = sorted(groups.values(), key=len, reverse=True)
        self._pending: list[list[list[str]]] = []
        self._refused: dict[str, AwsCallError] = {}

    def ask(self, until: float) -> None:
        """Ask for every group once, throttled calls again ``until`` that time.

        Raises AwsUnavailableError without an answer, which is about no instance.
        """
        self._pending = [self._rejected(ids, until) for ids in self._groups]

    def settle(self, until: float) -> dict[str, AwsCallError]:
        """Halve what was rejected. Those that EC2 refuses, each with its error, and those not asked for.

        Raises AwsUnavailableError without an answer, which is about no instance.
        """
        for calls in self._pending:
            self._halve(calls, until)
        return self._refused

    def _rejected(self, ids: Sequence[str], until: float) -> list[list[str]]:
        """What is still to be asked for: a throttled call as a whole, one that EC2 rejected by halves."""
        found: list[list[str]] = []
        for some in chunks(ids, IDS_PER_CALL):
            error = self._asked(some, until)
            if isinstance(error, ThrottledError):
                found.append(some)
            elif error and not self._is_noted(some, error):
                found += halves(some)
        return found

    def _halve(self, calls: Sequence[list[str]], until: float) -> None:
        """Find the healthy among the rejected, until the group lacks capacity or the time is over."""
        pending = list(calls)
        lacking: list[AwsCallError] = []
        throttled: AwsCallError | None = None
        while pending and len(lacking) < ENOUGH and throttled is None and time_now() <= until:
            some = pending.pop(0)
            error = self._asked(some, until)
            if error is None:
                lacking = []
            elif isinstance(error, ThrottledError):
                pending, throttled = [some, *pending], error
            elif not self._is_noted(some, error):
                pending = halves(some) + pending
            elif error.explanation.kind is ErrorKind.CAPACITY:
                lacking.append(error)
        rest = lacking[-1] if len(lacking) >= ENOUGH else self._not_asked(throttled)
        self._refused |= dict.fromkeys((i for some in pending for i in some), rest)

    def _is_noted(self, some: list[str], error: AwsCallError) -> bool:
        """Whether the error concerns one instance, which then is noted as refused."""
        if len(some) == 1:
            self._refused[some[0]] = error
        return len(some) == 1

    def _asked(self, some: list[str], until: float) -> AwsCallError | None:
        """None if EC2 starts them. A ThrottledError if it throttles the call until the time is over."""
        seconds = 1.0
        while True:
            pace(OPERATION, self._scope)
            try:
                return refusal(OPERATION, str(self._scope), lambda: self._call(some))
            except ThrottledError as error:
                if time_now() + seconds > until:
                    return error
            pause(seconds)
            seconds = min(2 * seconds, LONGEST_PAUSE)

    def _not_asked(self, throttled: AwsCallError | None) -> AwsCallError:
        why = "EC2 throttles it" if throttled else "EC2 has refused so many others"
        found = f"{OPERATION} in {self._scope}: not asked yet, since {why}."
        return AwsCallError(
            found, "NotAsked", Explanation(ErrorKind.BUSY, True, "Nothing: it is asked again.")
        )


def start_all(starters: Sequence[InstanceStarter]) -> list[dict[str, AwsCallError]]:
    """Let each start its instances; the refused of each. All are asked for before any is halved.

    The time of an invocation is shared: what one scope leaves over, the next ones may take.
    """
    began = time_now()
    for number, starter in enumerate(starters):
        starter.ask(_share(began + ASKING_SECONDS, len(starters) - number))
    return [
        starter.settle(_share(began + SECONDS, len(starters) - number))
        for number, starter in enumerate(starters)
    ]


def _share(end: float, of: int) -> float:
    """When the next of so many has had its part of the time that is left until ``end``."""
    now = time_now()
    return now + max(0.0, end - now) / of
