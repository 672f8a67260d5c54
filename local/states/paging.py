"""Pages of ListExecutions and GetExecutionHistory. A token holds its place, so nothing is kept for it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from local.states.errors import StatesError
from local.states.records import Record, epoch

Data = dict[str, Any]
MAX_RESULTS = 1000


def page_of_executions(records: list[Record], parameters: Data) -> tuple[list[Record], str | None]:
    """A page, latest first: of a running execution the start counts, of another the end.

    A token names the place of the last execution returned, so that one started meanwhile repeats none.
    """
    ordered = sorted(records, key=_place, reverse=True)
    if parameters.get("nextToken"):
        last = tuple(_read(parameters["nextToken"], lambda place: len(place) == 2))
        ordered = [record for record in ordered if _place(record) < last]
    size = int(parameters.get("maxResults") or MAX_RESULTS)
    page = ordered[:size]
    return page, _token(list(_place(page[-1]))) if len(ordered) > size else None


def page_of_events(arn: str, events: list[Data], parameters: Data) -> tuple[list[Data], str | None]:
    """A page of a history. A token is good for the same request and for the history as it was then."""
    size = _page_size(parameters.get("maxResults"))
    request = [arn, size, bool(parameters.get("reverseOrder")), parameters.get("includeExecutionData", True)]
    start, length = 0, len(events)
    if parameters.get("nextToken") is not None:
        *_, start, length = _read(
            parameters["nextToken"], lambda place: place[:-2] == request and place[-1] <= len(events)
        )
    snapshot = events[:length]
    if request[2]:
        snapshot = snapshot[::-1]
    following = start + size
    return snapshot[start:following], _token([*request, following, length]) if following < length else None


def _page_size(asked: Any) -> int:
    if asked is None or asked == 0:
        return 100
    if not isinstance(asked, int) or not 0 < asked <= MAX_RESULTS:
        raise StatesError("ValidationException", f"maxResults must be between 0 and {MAX_RESULTS}")
    return asked


def _place(record: Record) -> tuple[float, str]:
    return epoch(record.stop_date or record.start_date), record.arn


def _token(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read(token: Any, is_valid: Callable[[list[Any]], bool]) -> list[Any]:
    try:
        place: list[Any] = json.loads(base64.urlsafe_b64decode(str(token).encode()))
    except ValueError:
        place = []
    if not isinstance(place, list) or len(place) < 2 or not is_valid(place):
        raise StatesError("InvalidToken", "Invalid Token: 'Invalid token'")
    return place
