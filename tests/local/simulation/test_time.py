"""The virtual clock: nothing waits, everything happens in order, and always the same way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from drs_emulator.clock import ManualClock
from local.simulation import DeadlockError, VirtualCloud
from local.simulation.scheduler import OutsideSchedulerError, Scheduler
from local.simulation.threads import VirtualThreads
from tests.local.states.lab import CAUGHT, call, caught, each, empty_cloud, give, machine, together, wait


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with empty_cloud() as made:
        made.add_function("echo", lambda event, context: event)
        yield made


def busy() -> dict[str, Any]:
    """A machine with branches, iterations, retries with jitter, tokens of time and a nested execution."""
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 7, "JitterStrategy": "FULL"}]
    items = each(
        "{% [1..20] %}",
        6,
        "Sleep",
        Sleep=wait("{% $states.input % 3 + 1 %}", Next="Work"),
        Work=call("flaky", Retry=retry),
    )
    nested = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": "arn:aws:states:::stateMachine:child", "Input": {"a": 1}},
    }
    return machine(
        "Both",
        Both=together(machine("Each", Each=items), machine("Child", Child=nested)),
    )


def run_busy(seed: int = 0) -> tuple[dict[str, Any], ...]:
    with empty_cloud(seed=seed) as cloud:
        seen: set[int] = set()

        def flaky(event: int, context: Any) -> int:
            if event % 4 == 0 and event not in seen:
                seen.add(event)
                raise ValueError(f"{context.aws_request_id}")
            return event

        cloud.add_function("flaky", flaky)
        cloud.add_machine("m", busy())
        cloud.add_machine("child", machine("Sleep", Sleep=wait(11, Next="Give"), Give=give("done")))
        result = cloud.run("m", {}, name="one")
        assert result.status == "SUCCEEDED"
        return result.history


def test_the_same_run_has_the_same_history_times_included() -> None:
    assert run_busy() == run_busy()


def test_another_seed_has_another_history() -> None:
    assert run_busy(1) != run_busy(2)


def test_waits_take_their_time_on_the_clock_only(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Sleep", Sleep=wait(3600, Next="Work"), Work=call("echo")))
    before = cloud.clock.now()
    assert cloud.run("m", {}, name="one").seconds == 3600
    assert (cloud.clock.now() - before).total_seconds() == 3600


def test_functions_take_the_time_they_are_given(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Each", Each=each("{% [1..10] %}", 5, "Work", Work=call("echo"))))
    cloud.functions.takes("echo", 3)
    assert cloud.run("m", {}, name="one").seconds == 6


def test_actions_of_the_clock_run_between_the_states(cloud: VirtualCloud) -> None:
    marks: list[str] = []
    cloud.add_function("mark", lambda event, context: marks.append(event))
    cloud.add_machine(
        "m",
        machine(
            "A",
            A=call("mark", "10", Next="B"),
            B=wait(20, Next="C"),
            C=call("mark", "20"),
        ),
    )
    cloud.clock.call_later(15, lambda: marks.append("action"))
    cloud.run("m", {}, name="one")
    assert marks == [10, "action", 20]


def test_two_executions_run_in_parallel(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Sleep", Sleep=wait("{% $states.input.s %}")))
    slow, fast = cloud.start("m", {"s": 100}, name="slow"), cloud.start("m", {"s": 10}, name="fast")
    assert cloud.wait(fast).seconds == 10
    assert cloud.result(slow).status == "RUNNING"
    assert cloud.wait(slow).seconds == 100


def test_advance_stops_in_the_middle(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Sleep", Sleep=wait(100)))
    arn = cloud.start("m", {}, name="one")
    cloud.advance(60)
    assert (cloud.result(arn).status, cloud.result(arn).seconds) == ("RUNNING", 60)
    cloud.advance(40)
    assert cloud.result(arn).status == "SUCCEEDED"


def test_a_deadlock_names_what_each_thread_waits_for(cloud: VirtualCloud) -> None:
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": "echo", "Payload": {"token": "{% $states.context.Task.Token %}"}},
    }
    cloud.add_machine("m", machine("AskForApproval", AskForApproval=ask))
    with pytest.raises(DeadlockError) as deadlock:
        cloud.run("m", {}, name="one")
    assert "every thread waits and nothing is due" in str(deadlock.value)
    assert "AskForApproval attempt: waits for an event" in str(deadlock.value)
    assert "_wait_for_task_token_timeout" in str(deadlock.value)


def test_a_cloud_can_be_left_while_executions_run() -> None:
    with empty_cloud() as cloud:
        cloud.add_machine("m", machine("Sleep", Sleep=wait(100)))
        cloud.start("m", {}, name="one")
        cloud.advance(1)
    assert run_busy()


@pytest.mark.parametrize(
    "definition",
    [
        machine("A", A=give(1, Next="B"), B=give(2, Next="A")),
        machine(
            "Each",
            Each=each(
                "{% [1..99] %}",
                5,
                "Work",
                Work=call("echo", Catch=[caught("States.ALL")]),
                Caught=dict(CAUGHT),
            ),
        ),
    ],
)
def test_an_execution_fails_when_its_history_is_full(definition: dict[str, Any]) -> None:
    with empty_cloud(history_quota=300) as cloud:
        cloud.add_function("echo", lambda event, context: event)
        cloud.add_machine("m", definition)
        result = cloud.run("m", {}, name="one")
    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert "The execution reached the maximum number of history events (300)." in (result.cause or "")
    assert 300 <= result.history_events < 350


def test_measures_count_what_happened(cloud: VirtualCloud) -> None:
    cloud.add_machine(
        "m",
        machine(
            "Give",
            Give=give("{% $states.input %}", Assign={"kept": "{% $states.input.text %}"}, Next="Work"),
            Work=call("echo", {"small": True}, Next="Sleep"),
            Sleep=wait(1),
        ),
    )
    result = cloud.run("m", {"text": "x" * 1000}, name="one")
    assert result.transitions == 3
    assert result.lambda_invocations == 1
    assert result.visited == {"m": {"Give", "Work", "Sleep"}}
    assert result.history_events == len(result.history)
    assert result.largest_state == "m/Give"
    assert result.largest_state_bytes == len('{"text":""}') + 1000


# The threads themselves.


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler(ManualClock())
    yield made
    made.close()


def test_threads_take_turns_in_the_order_they_became_ready(scheduler: Scheduler) -> None:
    threads, marks = VirtualThreads(scheduler), []
    gate = threads.Event()

    def work(name: str) -> None:
        marks.append(f"{name} waits")
        gate.wait()
        marks.append(f"{name} goes")

    workers = [threads.Thread(target=work, args=(name,)) for name in "abc"]
    for worker in workers:
        worker.start()
    scheduler.clock.call_later(5, gate.set)
    scheduler.run(lambda: not any(worker.is_alive() for worker in workers))
    assert marks == ["a waits", "b waits", "c waits", "a goes", "b goes", "c goes"]


def test_no_thread_outlives_its_scheduler() -> None:
    before = set(threading.enumerate())
    made = Scheduler(ManualClock())
    event = VirtualThreads(made).Event()
    for number in range(50):
        made.spawn(event.wait, f"waits {number}")
    made.spawn(lambda: None, "ends by itself")
    made.run(lambda: True)
    assert len(set(threading.enumerate()) - before) > 50
    made.close()
    assert set(threading.enumerate()) <= before


def test_timeouts_are_virtual(scheduler: Scheduler) -> None:
    threads, marks = VirtualThreads(scheduler), []
    event, condition = threads.Event(), threads.Condition()

    def work() -> None:
        marks.append((event.wait(10), scheduler.clock.now().second))
        with condition:
            marks.append((condition.wait(20), scheduler.clock.now().second))
        sleeper = threads.Thread(target=lambda: scheduler.sleep(100))
        sleeper.start()
        sleeper.join(5)
        marks.append((sleeper.is_alive(), scheduler.clock.now().second))

    worker = threads.Thread(target=work)
    worker.start()
    scheduler.run(lambda: not worker.is_alive())
    assert marks == [(False, 10), (False, 30), (True, 35)]


def test_a_lock_belongs_to_one_thread_at_a_time(scheduler: Scheduler) -> None:
    threads, marks = VirtualThreads(scheduler), []
    lock, own = threads.Lock(), threads.RLock()

    def work(name: str) -> None:
        with lock, own, own:
            marks.append(f"{name} in")
            scheduler.sleep(1)
            marks.append(f"{name} out")

    workers = [threads.Thread(target=work, args=(name,)) for name in "ab"]
    for worker in workers:
        worker.start()
    scheduler.run(lambda: not any(worker.is_alive() for worker in workers))
    assert marks == ["a in", "a out", "b in", "b out"]
    assert not lock.locked()


def test_a_condition_resumes_as_many_as_it_is_asked(scheduler: Scheduler) -> None:
    threads, resumed = VirtualThreads(scheduler), []
    condition = threads.Condition()

    def work(name: str) -> None:
        with condition:
            condition.wait()
            resumed.append(name)

    for name in "abc":
        threads.Thread(target=work, args=(name,)).start()

    def notify() -> None:
        with condition:
            condition.notify(2)

    scheduler.run(lambda: False, scheduler.clock.now())
    threads.Thread(target=notify).start()
    scheduler.run(lambda: len(resumed) == 2)
    assert resumed == ["a", "b"]


def test_what_a_thread_raises_reaches_the_caller_of_the_scheduler(scheduler: Scheduler) -> None:
    def work() -> None:
        raise KeyError("lost")

    VirtualThreads(scheduler).Thread(target=work).start()
    with pytest.raises(KeyError, match="lost"):
        scheduler.run(lambda: False, scheduler.clock.now())


def test_only_its_own_threads_can_wait(scheduler: Scheduler) -> None:
    with pytest.raises(OutsideSchedulerError):
        VirtualThreads(scheduler).Event().wait(1)
