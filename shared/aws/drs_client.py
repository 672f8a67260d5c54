"""AWS Elastic Disaster Recovery in one scope: paging, chunking and error classes hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.config import Config

from shared.aws import drs_responses as responses
from shared.aws.cross_account import ONCE, STANDARD, MemberAccounts
from shared.aws.errors import calling
from shared.model.drs import (
    Job,
    JobLogItem,
    LaunchSettings,
    LaunchTemplate,
    RecoveryInstance,
    ReplicationTemplate,
    SourceServer,
)
from shared.model.scope import Scope

IDS_PER_FILTER = 200
"""DescribeSourceServers and DescribeRecoveryInstances take at most 200 ids (DRS service model)."""
JOB_IDS_PER_FILTER = 1000
PAGE = 200
_LISTS = {
    "list_recovery_plan_executions": "recoveryPlanExecutions",
    "list_recovery_plan_execution_steps": "recoveryPlanExecutionSteps",
}
"""What a page of an operation has its items under, where that is not ``items``."""
_NATIVE_PLAN_RUNS = ("CREATED", "IN_PROGRESS")
_STEP_IS_OVER = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "SKIPPED"})
"""DRS service model, RecoveryPlanExecutionStatus and RecoveryPlanExecutionStepStatus. What an execution has
begun that is CANCELLING are jobs, which are seen as such."""


class DrsClient:
    """One scope's DRS, acting as the member role behind ``accounts``. Raises ``shared.aws.errors``."""

    def __init__(self, accounts: MemberAccounts, scope: Scope, config: Config = STANDARD) -> None:
        self.scope = scope
        self._accounts = accounts
        self._config = config

    def source_servers(self, site: str) -> list[SourceServer]:
        """Every source server of the scope."""
        return [
            responses.source_server(item, site, self.scope)
            for item in self._pages("describe_source_servers", filters={}, maxResults=PAGE)
        ]

    def launch_settings(self, source_server_id: str) -> LaunchSettings:
        with calling("GetLaunchConfiguration", self._where(source_server_id)):
            return responses.launch_settings(
                self._drs.get_launch_configuration(sourceServerID=source_server_id)
            )

    def update_launch_settings(self, source_server_id: str, changes: Mapping[str, Any]) -> None:
        """UpdateLaunchConfiguration with ``changes`` in the API's own names. Set-style: may be repeated."""
        with calling("UpdateLaunchConfiguration", self._where(source_server_id)):
            self._drs.update_launch_configuration(sourceServerID=source_server_id, **changes)

    def has_recovery_point(self, source_server_id: str) -> bool:
        """Whether there is a point in time to recover to."""
        with calling("DescribeRecoverySnapshots", self._where(source_server_id)):
            answer = self._drs.describe_recovery_snapshots(
                sourceServerID=source_server_id, order="DESC", maxResults=1
            )
        return bool(answer["items"])

    def jobs(self, job_ids: Sequence[str]) -> list[Job]:
        """These jobs as they stand."""
        return [
            responses.job(item, self.scope)
            for some in chunks(job_ids, JOB_IDS_PER_FILTER)
            for item in self._pages("describe_jobs", filters={"jobIDs": some}, maxResults=PAGE)
        ]

    def jobs_since(self, since: str) -> list[Job]:
        """Jobs created at or after ``since`` (ISO 8601)."""
        filters = {"fromDate": since.replace("+00:00", "Z")}
        return [
            responses.job(item, self.scope)
            for item in self._pages("describe_jobs", filters=filters, maxResults=PAGE)
        ]

    def native_plan_runs(self) -> dict[str, str]:
        """Servers that a recovery plan of DRS itself has, which runs now: its execution's ARN by server id.

        Not every server of its steps: those of steps that are over are free again.
        """
        return {
            server["serverArn"].rsplit("/", 1)[-1]: run["recoveryPlanExecutionArn"]
            for status in _NATIVE_PLAN_RUNS
            for run in self._pages("list_recovery_plan_executions", status=status)
            for step in self._pages(
                "list_recovery_plan_execution_steps", recoveryPlanExecutionArn=run["recoveryPlanExecutionArn"]
            )
            if step["status"] not in _STEP_IS_OVER
            for server in step["configuration"].get("executionServerStepConfiguration", {}).get("servers", ())
        }

    def job_log(self, job_id: str) -> list[JobLogItem]:
        """The job's log, oldest first."""
        return [
            responses.job_log_item(item)
            for item in self._pages("describe_job_log_items", jobID=job_id, maxResults=PAGE)
        ]

    def recovery_instances(self, source_server_ids: Sequence[str]) -> list[RecoveryInstance]:
        """The recovery instances of these servers; terminated ones left out."""
        found = (
            item
            for some in chunks(source_server_ids, IDS_PER_FILTER)
            for item in self._pages(
                "describe_recovery_instances", filters={"sourceServerIDs": some}, maxResults=PAGE
            )
        )
        return [
            responses.recovery_instance(item) for item in found if item["ec2InstanceState"] != "TERMINATED"
        ]

    def recovery_instances_of_scope(self) -> list[RecoveryInstance]:
        """Every recovery instance of the scope; terminated ones left out."""
        found = self._pages("describe_recovery_instances", filters={}, maxResults=PAGE)
        return [
            responses.recovery_instance(item) for item in found if item["ec2InstanceState"] != "TERMINATED"
        ]

    def replication_template(self) -> ReplicationTemplate | None:
        """What new source servers of the scope replicate by; None where there is no template."""
        for item in self._pages("describe_replication_configuration_templates", maxResults=PAGE):
            return responses.replication_template(item)
        return None

    def launch_template(self) -> LaunchTemplate:
        """What new source servers of the scope are launched by; all off where there is no template."""
        for item in self._pages("describe_launch_configuration_templates", maxResults=PAGE):
            return responses.launch_template(item)
        return LaunchTemplate()

    def start_recovery(
        self, source_server_ids: Sequence[str], *, drill: bool, tags: Mapping[str, str]
    ) -> Job:
        """Start one job for these servers (1 to 100). DRS takes the whole call or refuses it.

        It has no client token: search for an earlier job of your own first, and after an
        ``OutcomeUnknownError`` again.
        """
        drs = self._accounts.client("drs", self.scope, ONCE)
        with calling("StartRecovery", str(self.scope), has_effect=True):
            answer = drs.start_recovery(
                sourceServers=[{"sourceServerID": server} for server in source_server_ids],
                isDrill=drill,
                tags=dict(tags),
            )
        return responses.job(answer["job"], self.scope)

    def reverse_replication(self, recovery_instance_id: str) -> None:
        """Make a recovery instance replicate to where it came from, or protect it again after a failback.

        It has no client token: search for the reversed server first, and after an ``OutcomeUnknownError``
        again. The ARN in the answer goes stale after several failbacks (observed in the field), so it is not
        given: find the reversed server by the EC2 id in its identification hints.
        """
        drs = self._accounts.client("drs", self.scope, ONCE)
        with calling("ReverseReplication", self._where(recovery_instance_id), has_effect=True):
            drs.reverse_replication(recoveryInstanceID=recovery_instance_id)

    def source_servers_by_id(self, source_server_ids: Sequence[str], site: str) -> list[SourceServer]:
        """These source servers; unknown ids are left out."""
        return [
            responses.source_server(item, site, self.scope)
            for some in chunks(source_server_ids, IDS_PER_FILTER)
            for item in self._pages(
                "describe_source_servers", filters={"sourceServerIDs": some}, maxResults=PAGE
            )
        ]

    def stop_replication(self, source_server_id: str) -> None:
        """StopReplication: the server is protected no more and its snapshots are deleted."""
        with calling("StopReplication", self._where(source_server_id)):
            self._drs.stop_replication(sourceServerID=source_server_id)

    def disconnect_source_server(self, source_server_id: str) -> None:
        """DisconnectSourceServer: refused while the server has a recovery instance."""
        with calling("DisconnectSourceServer", self._where(source_server_id)):
            self._drs.disconnect_source_server(sourceServerID=source_server_id)

    def delete_source_server(self, source_server_id: str) -> None:
        """DeleteSourceServer of a disconnected server."""
        with calling("DeleteSourceServer", self._where(source_server_id)):
            self._drs.delete_source_server(sourceServerID=source_server_id)

    def disconnect_recovery_instance(self, recovery_instance_id: str) -> None:
        """DisconnectRecoveryInstance: impossible once its replication was reversed."""
        with calling("DisconnectRecoveryInstance", self._where(recovery_instance_id)):
            self._drs.disconnect_recovery_instance(recoveryInstanceID=recovery_instance_id)

    def delete_recovery_instance(self, recovery_instance_id: str) -> None:
        """DeleteRecoveryInstance: the record goes, the EC2 instance stays as it is."""
        with calling("DeleteRecoveryInstance", self._where(recovery_instance_id)):
            self._drs.delete_recovery_instance(recoveryInstanceID=recovery_instance_id)

    def terminate_recovery_instances(self, recovery_instance_ids: Sequence[str]) -> Job:
        """Start a job that terminates these instances (1 to 200) in EC2.

        Only for instances that DRS created itself: one that was launched into belongs to a pair.
        """
        drs = self._accounts.client("drs", self.scope, ONCE)
        with calling("TerminateRecoveryInstances", str(self.scope), has_effect=True):
            answer = drs.terminate_recovery_instances(recoveryInstanceIDs=list(recovery_instance_ids))
        return responses.job(answer["job"], self.scope)

    @property
    def _drs(self) -> Any:
        return self._accounts.client("drs", self.scope, self._config)

    def _where(self, what: str) -> str:
        return f"{self.scope} for {what}"

    def _pages(self, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        paginator = self._drs.get_paginator(operation)
        name = "".join(word.capitalize() for word in operation.split("_"))
        with calling(name, str(self.scope)):
            for page in paginator.paginate(**arguments):
                yield from page[_LISTS.get(operation, "items")]


def chunks(values: Sequence[str], size: int) -> Iterator[list[str]]:
    """``values`` in lists of at most ``size``: what one call takes."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
