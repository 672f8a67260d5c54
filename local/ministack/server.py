"""The process of the local cloud. Started by ``process.LocalCloud`` with inherited file descriptors:

the listening socket, the pipe on which it says that it is ready, and the pipe whose end it does not outlive.
Its environment (see ``process``) decides what MiniStack reads at import, so imports come late here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

_END_SECONDS = 2.0
"""How long the web server may take to end: what is under way would hold it."""

log = logging.getLogger("local.server")


def main() -> None:
    """Serve until the life pipe closes."""
    parser = argparse.ArgumentParser(
        prog="local.ministack.server", description="The local cloud's own process."
    )
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of the listening socket")
    parser.add_argument("--ready", type=int, required=True, help="file descriptor to write to when ready")
    parser.add_argument("--life", type=int, required=True, help="file descriptor whose end ends the cloud")
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    for noisy in ("moto", "botocore", "urllib3", "hypercorn.access"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    asyncio.run(_serve(options.socket, options.ready, options.life, options.speed, options.seed))


async def _serve(socket_fd: int, ready_fd: int, life_fd: int, speed: float, seed: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from local.ministack.assembly import assemble

    cloud = assemble(endpoint=os.environ["LOCAL_CLOUD_ENDPOINT"], speed=speed, seed=seed)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    one_only = threading.Lock()

    def end() -> None:
        one_only.acquire()  # never released: one thread ends the process
        cloud.close()
        log.info("the local cloud ends")
        logging.shutdown()
        os._exit(0)  # executions and scheduler threads would hold the interpreter up

    def wait_for_end() -> None:
        os.read(life_fd, 1)
        loop.call_soon_threadsafe(stop.set)
        time.sleep(_END_SECONDS)
        end()

    threading.Thread(target=wait_for_end, name="life", daemon=True).start()
    config = Config()
    config.bind = [f"fd://{socket_fd}"]
    config.keep_alive_timeout = 75
    config.backlog = 1000
    config.loglevel = "WARNING"
    config.graceful_timeout = 0.2
    config.shutdown_timeout = 1.0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await cloud.front(scope, receive, send)
            return

        async def report_ready(message: dict[str, Any]) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                os.write(ready_fd, b"ready\n")
                os.close(ready_fd)

        await cloud.front(scope, receive, report_ready)

    try:
        await serve(app, config, shutdown_trigger=stop.wait)
    finally:
        end()


def environment(endpoint: str, *, auth: bool, folder: Path) -> dict[str, str]:
    """What MiniStack reads at import: nothing of the user's AWS settings, nothing listening but the port."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "LAMBDA_"))}
    port = endpoint.rsplit(":", 1)[1]
    return {
        **kept,
        "LOCAL_CLOUD_ENDPOINT": endpoint,
        "GATEWAY_PORT": port,
        "EDGE_PORT": port,
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "AUTH": json.dumps(auth),
        "AWS_EC2_METADATA_DISABLED": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_WARM_TTL_SECONDS": "120",
        "MINISTACK_WORKER_THREADS": "128",
        "LOG_LEVEL": "INFO",
        "PYTHONUNBUFFERED": "1",
    }


if __name__ == "__main__":
    main()
