"""Puts launch settings back for servers whose settings we changed and which were never launched."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aws_lambda_powertools import Logger

from shared.aws_errors import AwsCallError
from shared.cross_account import member_accounts
from shared.drs_client import DrsClient
from shared.launch_changes import changes_to_restore
from shared.model import ServerRecord
from shared.store import ExecutionStore

WRITERS = 10

logger = Logger(child=True)


def is_changed_for_nothing(server: ServerRecord) -> bool:
    """Whether the server has launch settings of ours, and was not launched with them."""
    return server.launch_changed and server.previous_launch is not None and server.launched_at is None


def restore_unlaunched(
    store: ExecutionStore, role_name: str, external_id: str, execution_id: str
) -> tuple[int, int]:
    """Returns how many servers were restored, and how many could not be. Repeating it is harmless."""
    accounts = member_accounts(role_name, external_id)
    # A job that has not ended may launch its servers yet, by the settings that they have now.
    ended = {job.job_id for job in store.jobs(execution_id) if job.status == "COMPLETED"}
    servers = [
        server
        for server in store.servers(execution_id)
        if is_changed_for_nothing(server) and (server.job_id is None or server.job_id in ended)
    ]

    def restore(server: ServerRecord) -> bool:
        if server.previous_launch is None:
            return False
        try:
            for step in changes_to_restore(server.previous_launch):
                DrsClient(accounts, server.scope).update_launch_settings(server.drs_server_id, step)
        except AwsCallError:
            logger.exception("launch settings not restored", extra={"server": server.drs_server_id})
            return False
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        results = list(pool.map(restore, servers))
    store.settle_launch_settings(
        execution_id, [server for server, done in zip(servers, results, strict=True) if done]
    )
    return sum(results), len(results) - sum(results)
