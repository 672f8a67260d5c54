"""The live view: waves with a bar each, servers by status, times, and what happened last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from local.cli.watch.events import duration, in_words, progress
from local.cli.watch.replication import protections
from local.cli.watch.snapshot import Snapshot
from shared.model.execution import WaveRecord
from shared.model.status import Protection, ServerStatus, WaveStatus

_BAR = 30
_MOST_STALLED = 3
_STYLES = {
    ServerStatus.RECOVERED: "green",
    ServerStatus.STARTING: "cyan",
    ServerStatus.LAUNCHED: "blue",
    ServerStatus.LAUNCHING: "yellow",
    ServerStatus.LAUNCH_FAILED: "magenta",
    ServerStatus.FAILED: "red",
    ServerStatus.BLOCKED: "red",
    ServerStatus.SKIPPED: "bright_black",
}
_PROTECTION_STYLES = {
    Protection.RETURNING: "bright_black",
    Protection.RESCANNING: "yellow",
    Protection.PROTECTED: "cyan",
    Protection.RETIRED: "green",
    Protection.UNPROTECTED: "red",
}
_WAVE_STYLES = {
    WaveStatus.RUNNING: "yellow",
    WaveStatus.COMPLETED: "green",
    WaveStatus.COMPLETED_WITH_FAILURES: "magenta",
    WaveStatus.FAILED: "red",
}


def view(snapshot: Snapshot, events: Sequence[str], elapsed: float) -> RenderableType:
    """The whole view. ``elapsed`` is in real seconds; ``events`` are the last lines, oldest first."""
    return Group(
        _header(snapshot, elapsed),
        *_replication(snapshot),
        _waves(snapshot),
        *_protection(snapshot),
        *(_event(line) for line in events),
    )


def _header(snapshot: Snapshot, elapsed: float) -> Text:
    execution = snapshot.execution
    name = execution.execution_id if execution else "the execution"
    status = execution.status.value if execution else snapshot.standing.status
    line = Text.assemble(
        (name, "bold"),
        f"  {status}  {duration(snapshot.simulated_seconds)} simulated, {duration(elapsed)} here  ",
    )
    return line.append(in_words(snapshot.counts()))


def _replication(snapshot: Snapshot) -> Iterator[Text]:
    """Of a failback: what the origin has, and which servers are stalled. Left out once all is there."""
    seen = snapshot.replication
    if seen is None or seen.done:
        return
    filled = round(_BAR * seen.share)
    yield Text.assemble(
        "to the origin  ",
        ("█" * filled, "cyan"),
        ("░" * (_BAR - filled), "bright_black"),
        f"  {progress(snapshot, seen)}",
    )
    for server in seen.stalled[:_MOST_STALLED]:
        line = f"  {server.name} is stalled: {server.reason or 'no reason recorded'}"
        yield Text(line, "red", no_wrap=True, overflow="ellipsis")
    if len(seen.stalled) > _MOST_STALLED:
        yield Text(f"  and {len(seen.stalled) - _MOST_STALLED} more are stalled", "red")


def _protection(snapshot: Snapshot) -> Iterator[Text]:
    """Of a failback: how far those that failed back are on their way to being protected again."""
    counts = protections(snapshot.servers)
    total = counts.total()
    if not total:
        return
    bar, taken, seen = Text(), 0, 0
    for step in reversed(Protection):
        seen += counts[step]
        upto = round(_BAR * seen / total)
        bar.append("█" * (upto - taken), _PROTECTION_STYLES[step])
        taken = upto
    yield Text.assemble("protected again  ", bar, f"  {in_words(counts)}")


def _waves(snapshot: Snapshot) -> Table:
    table = Table.grid(padding=(0, 2))
    for wave in snapshot.waves:
        counts = snapshot.counts(wave.name)
        done = sum(number for status, number in counts.items() if status.is_final)
        table.add_row(
            wave.name,
            Text(wave.status.value.lower().replace("_", " "), _WAVE_STYLES.get(wave.status, "bright_black")),
            _bar(snapshot, wave),
            f"{done}/{counts.total()}",
            in_words(counts),
        )
    return table


def _bar(snapshot: Snapshot, wave: WaveRecord) -> Text:
    """A bar of fixed width, divided among the statuses; the furthest along come first."""
    counts = snapshot.counts(wave.name)
    total = counts.total() or 1
    bar, taken, seen = Text(), 0, 0
    for status in reversed(ServerStatus):
        seen += counts[status]
        upto = round(_BAR * seen / total)
        mark = "█" if status in _STYLES else "░"
        bar.append(mark * (upto - taken), _STYLES.get(status, "bright_black"))
        taken = upto
    return bar.append("░" * (_BAR - taken), "bright_black")


def _event(line: str) -> Text:
    return Text(line, "bright_black", no_wrap=True, overflow="ellipsis")
