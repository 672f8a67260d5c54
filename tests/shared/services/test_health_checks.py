"""The plan's checks against real servers on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from shared.model.plan import HealthCheck
from shared.services.health_checks import run_health_checks

HERE = "127.0.0.1"


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        statuses = {"/health": 200, "/web-1": 204, "/moved": 302}
        self.send_response(statuses.get(self.path, 503))
        if self.path == "/moved":
            self.send_header("Location", "/health")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    server = ThreadingHTTPServer((HERE, 0), Pages)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def deaf() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server((HERE, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server((HERE, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def tcp(port: int, **more: Any) -> HealthCheck:
    return HealthCheck("TCP", port=port, **more)


def http(url: str, **more: Any) -> HealthCheck:
    return HealthCheck("HTTP", url=url, **more)


def read(*checks: HealthCheck, name: str = "web-1") -> str | None:
    results = run_health_checks(checks, HERE, name)
    assert all(result.passed for result in results[:-1]), "none is made after one that fails"
    return next((f"{result.check} {result.found}" for result in results if not result.passed), None)


def test_no_checks_find_nothing() -> None:
    assert read() is None


def test_an_open_port_and_the_wanted_status_pass(web: int) -> None:
    assert read(tcp(web), http(f"http://{{privateIp}}:{web}/health")) is None


def test_placeholders_stand_for_the_address_and_the_name(web: int) -> None:
    assert (
        read(tcp(web, host="{privateIp}"), http(f"http://{{privateIp}}:{web}/{{name}}", status=204)) is None
    )
    found = read(http(f"http://{{privateIp}}:{web}/{{name}}", status=204), name="web-2")
    assert found == f"GET http://{HERE}:{web}/web-2 answers 503, not 204"


def test_an_error_status_may_be_the_wanted_one(web: int) -> None:
    assert read(http(f"http://{HERE}:{web}/nothing", status=503)) is None


def test_redirects_are_answers_too(web: int) -> None:
    assert read(http(f"http://{HERE}:{web}/moved", status=302)) is None
    assert read(http(f"http://{HERE}:{web}/moved")) == f"GET http://{HERE}:{web}/moved answers 302, not 200"


def test_the_first_check_that_fails_is_reported(web: int, closed: int) -> None:
    found = read(tcp(web), tcp(closed), http(f"http://{HERE}:{web}/nothing"))
    assert found is not None
    assert found.startswith(f"TCP {HERE}:{closed} does not answer: ")


def test_a_closed_port_does_not_answer_http(closed: int) -> None:
    assert "does not answer" in (read(http(f"http://{HERE}:{closed}/")) or "")


def test_a_server_that_says_nothing_times_out(deaf: int) -> None:
    assert read(tcp(deaf, timeout_seconds=0.2)) is None, "it takes connections"
    found = read(http(f"http://{HERE}:{deaf}/", timeout_seconds=0.2))
    assert found is not None
    assert "timed out" in found


def test_what_is_no_http_at_all_does_not_answer() -> None:
    with socket.create_server((HERE, 0)) as server:

        def babble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

        thread = Thread(target=babble)
        thread.start()
        found = read(http(f"http://{HERE}:{server.getsockname()[1]}/", timeout_seconds=5))
        thread.join()
    assert "does not answer" in (found or "")


@pytest.mark.parametrize("name", ["größe", "a..b", "x" * 70, "web 1"])
def test_a_name_that_makes_no_address_fails_its_server_only(web: int, name: str) -> None:
    """One odd name must not end the verification of a whole wave."""
    assert "does not answer" in (read(tcp(web, host="{name}.invalid"), name=name) or "")
    assert "does not answer" in (read(http("http://{name}.invalid/"), name=name) or "")
    assert read(http(f"http://{HERE}:{web}/{{name}}"), name=name) is not None


def test_no_proxy_stands_between(web: int, closed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{HERE}:{closed}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert read(http(f"http://{HERE}:{web}/health")) is None


def test_what_passes_is_reported_too_and_nothing_is_asked_after_a_failure(web: int, closed: int) -> None:
    results = run_health_checks([tcp(web), tcp(closed), tcp(web)], HERE, "web-1")
    assert [(result.check, result.passed) for result in results] == [
        (f"TCP {HERE}:{web}", True),
        (f"TCP {HERE}:{closed}", False),
    ]
    assert results[0].found == "answers"
