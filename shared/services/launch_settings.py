"""Reads the launch settings of servers as they are now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.aws.rate_limits import in_parallel
from shared.model.drs import LaunchSettings
from shared.model.scope import Scope


def read_launch_settings(
    drs: Callable[[Scope], DrsClient], servers: Sequence[tuple[Scope, str]]
) -> list[LaunchSettings | AwsCallError]:
    """The settings of each source server, by scope and id, or why DRS refused them.

    Raises ThrottledError and AwsUnavailableError: then nothing is known of any of them.
    """

    def read(server: tuple[Scope, str]) -> LaunchSettings | AwsCallError:
        scope, server_id = server
        try:
            return drs(scope).launch_settings(server_id)
        except (ThrottledError, AwsUnavailableError):
            raise
        except AwsCallError as error:
            return error

    return in_parallel(read, servers, api="GetLaunchConfiguration", scope=lambda server: server[0])
