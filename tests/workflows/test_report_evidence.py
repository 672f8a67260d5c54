"""What an auditor reads in a report: the results of health checks, and which plan was executed."""

from __future__ import annotations

import hashlib
import json
import socket

from shared.rules.plan.digest import plan_digest
from tests.workflows.failback_stage import QUICK
from tests.workflows.stage import group, stage, wave


def test_the_report_has_the_result_of_each_health_check() -> None:
    with socket.create_server(("127.0.0.1", 0)) as open_port, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ports = [open_port.getsockname()[1], closed.getsockname()[1]]
        waves = [wave("good", onFailure="CONTINUE"), wave("bad", onFailure="CONTINUE")]
        with stage(
            group("app", "good"),
            group("web", "bad"),
            waves=waves,
            jobs=QUICK,
            policies={"verifyTimeoutSeconds": 60},
        ) as here:
            for planned, asked in zip(here.plan["waves"], (ports[:1], ports), strict=True):
                planned["healthChecks"] = [
                    {"type": "TCP", "host": "127.0.0.1", "port": port, "timeoutSeconds": 1} for port in asked
                ]
            run = here.run()
        assert run.outcomes == {"app": "RECOVERED", "web": "FAILED"}
        good, bad = (f"TCP 127.0.0.1:{port}" for port in ports)
        assert run.server("app")["healthChecks"] == [{"check": good, "passed": True, "found": "answers"}]
        passed, failed = run.server("web")["healthChecks"]
        assert (passed["check"], passed["passed"]) == (good, True)
        assert (failed["check"], failed["passed"]) == (bad, False)
        assert "does not answer" in failed["found"]


def test_the_report_names_the_plan_that_was_executed_whatever_is_stored_since() -> None:
    with stage(group("app"), jobs=QUICK) as here:
        here.store_plan()
        canonical = json.dumps(here.plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        wanted = hashlib.sha256(canonical.encode()).hexdigest()
        arn = here.cloud.start("failover", {"plan": here.plan["name"]}, name="run")
        here.cloud.advance(10)
        here.plan["policies"] = {"retries": 0}
        here.store_plan()
        assert here.wait(arn).report["planDigest"] == wanted
        assert here.cloud.calls["drs", "StartRecovery"] == 1


def test_the_order_of_keys_does_not_matter_and_each_value_does() -> None:
    assert plan_digest({"a": 1, "b": "ü"}) == plan_digest({"b": "ü", "a": 1})
    assert plan_digest({"a": 1}) != plan_digest({"a": 2})
    assert plan_digest({"a": "ü"}) == hashlib.sha256('{"a":"ü"}'.encode()).hexdigest()
