"""The emulator alone behind a port of 127.0.0.1: any boto3 or AWS CLI reaches it by AWS_ENDPOINT_URL_DRS.

The account is the access key id if that has 12 digits, else 000000000000; the Region comes from the
signature's scope. EC2 is a small stand-in; ``/_drs_emulator/ec2/instances`` adds instances to it.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from drs_emulator import Caller, DrsEmulator, NoEvents, Request, Settings
from drs_emulator.scaled_clock import ScaledClock
from drs_emulator.small_ec2 import SmallEc2
from drs_emulator.small_ec2.admin import handle as handle_ec2

log = logging.getLogger(__name__)

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/")
ADMIN = "/_drs_emulator"
"""Prefix of the admin API, which no operation of DRS has."""
EC2_ADMIN = f"{ADMIN}/ec2"


Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body of a response."""


def caller_of(authorization: str) -> Caller:
    """Who signed, from the Authorization header; the signature itself is not checked."""
    found = _SCOPE.search(authorization)
    key, region = (found.group(1), found.group(2)) if found else ("anonymous", "us-east-1")
    account = key if re.fullmatch(r"\d{12}", key) else "000000000000"
    return Caller(account, region, key, f"arn:aws:iam::{account}:root")


class Standalone:
    """A running emulator with its port. A context manager; ``endpoint`` is where clients go."""

    def __init__(self, port: int = 0, speed: float = 60.0, *, seed: int = 0) -> None:
        self.clock = ScaledClock(speed)
        self.ec2 = SmallEc2(self.clock)
        self.drs = DrsEmulator(self.clock, self.ec2, NoEvents(), Settings(), seed)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self.drs, self.ec2))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="drs-emulator-http", daemon=True
        )

    @property
    def endpoint(self) -> str:
        """The URL for AWS_ENDPOINT_URL_DRS."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Standalone:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.clock.close()


def _handler(drs: DrsEmulator, ec2: SmallEc2) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, headers, content = self._served(body)
            except Exception as error:
                log.exception("%s %s failed", self.command, self.path)
                status, headers, content = _json(500, {"message": f"{type(error).__name__}: {error}"})
            self._send(status, headers, content)

        def _served(self, body: bytes) -> Answer:
            url = urlsplit(self.path)
            if url.path.startswith(ADMIN):
                return _admin(drs, ec2, self.command, url.path, body)
            response = drs.handle(
                Request(
                    method=self.command,
                    path=url.path,
                    query=parse_qs(url.query, keep_blank_values=True),
                    headers={key.lower(): value for key, value in self.headers.items()},
                    body=body,
                    caller=caller_of(self.headers.get("Authorization", "")),
                )
            )
            return response.status, response.headers, response.body

        def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if status != 204:
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: Any) -> None:
            log.debug(format, *args)

    return Handler


def _admin(drs: DrsEmulator, ec2: SmallEc2, method: str, path: str, body: bytes) -> Answer:
    try:
        parsed = json.loads(body) if body.strip() else {}
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        return _json(400, {"message": "the body is not a JSON object"})
    if path.startswith(EC2_ADMIN):
        return _json(*handle_ec2(ec2, method, path.removeprefix(EC2_ADMIN), parsed))
    return _json(*drs.admin(method, path.removeprefix(ADMIN), parsed))


def _json(status: int, answer: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(answer, indent=1).encode()
