"""IAM of one account: what an instance profile carries, and what a role may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from shared.aws.cross_account import MemberAccounts
from shared.aws.errors import (
    AccessDeniedError,
    AwsCallError,
    AwsUnavailableError,
    ThrottledError,
    calling,
)
from shared.aws.rate_limits import time_now
from shared.model.iam import Permissions, Question
from shared.model.scope import Scope
from shared.rules.drs.drs_error_handler import explain
from shared.version import USER_AGENT

BRIEF = Config(
    retries={"mode": "standard", "total_max_attempts": 2},
    connect_timeout=2,
    read_timeout=3,
    user_agent_extra=USER_AGENT,
)
"""IAM's control plane is in us-east-1 alone, the Region that may be lost: a call takes 7 s at most."""
SERVER_ERROR = 500
ASKING_SECONDS = 8.0
"""After them nothing more is asked: 15 s in all, with the call that was under way."""

T = TypeVar("T")


class IamClient:
    """The account of ``scope``, acting as the member role behind ``accounts``. For one check of a site.

    Once IAM has not answered, or has taken too long, it is not asked again.
    """

    def __init__(self, accounts: MemberAccounts, scope: Scope) -> None:
        self._scope = scope
        self._accounts = accounts
        self._ends: float | None = None
        self._silence: AwsCallError | None = None

    def profile_policies(self, instance_profile_arn: str) -> tuple[str, ...] | None:
        """Names of the managed policies on the profile's role; None where that may not or cannot be read."""
        try:
            return tuple(
                name
                for role in self._roles_of(instance_profile_arn)
                for name in self._ask("ListAttachedRolePolicies", _attached_to(role["RoleName"]))
            )
        except AwsCallError:
            return None

    def permissions(self, role_name: str, questions: Sequence[Question]) -> Permissions:
        """Which actions the role may not do, in the order asked. Raises AwsCallError where there is none."""
        if not questions:
            return Permissions()
        role = f"arn:{questions[0].partition}:iam::{self._scope.account}:role/{role_name}"
        return self._simulated(role, questions)

    def permissions_of_roles(self, asked: Mapping[str, Sequence[Question]]) -> Permissions:
        """``permissions`` of several roles, by their names."""
        return joined([self.permissions(role_name, questions) for role_name, questions in asked.items()])

    def denied_to_profile(
        self, instance_profile_arn: str, questions: Sequence[Question]
    ) -> tuple[str, ...] | None:
        """Which actions the profile's role may not do; None where that may not or cannot be read."""
        try:
            roles = self._roles_of(instance_profile_arn)
            answer = self._simulated(roles[0]["Arn"], questions) if roles else None
        except AwsCallError:
            return None
        return answer.denied if answer and (answer.denied or answer.unanswered is None) else None

    def _roles_of(self, instance_profile_arn: str) -> list[dict[str, Any]]:
        name = instance_profile_arn.rsplit("/", 1)[-1]
        roles: list[dict[str, Any]] = self._ask(
            "GetInstanceProfile",
            lambda iam: iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"],
        )
        return roles

    def _simulated(self, role_arn: str, questions: Sequence[Question]) -> Permissions:
        denied: list[str] = []
        for question in questions:
            try:
                results = self._ask("SimulatePrincipalPolicy", _simulation(role_arn, question))
            except AwsCallError as error:
                if not (_is_silence(error) or isinstance(error, AccessDeniedError | ThrottledError)):
                    raise
                return Permissions(tuple(dict.fromkeys(denied)), str(error))
            denied += [r["EvalActionName"] for r in results if r["EvalDecision"] != "allowed"]
        return Permissions(tuple(dict.fromkeys(denied)))

    def _ask(self, operation: str, call: Callable[[Any], T]) -> T:
        now = time_now()
        self._ends = now + ASKING_SECONDS if self._ends is None else self._ends
        if self._silence is None and now > self._ends:
            self._silence = _too_slow(operation, self._scope)
        if self._silence is not None:
            raise self._silence
        try:
            with calling(operation, str(self._scope)):
                return call(self._accounts.client("iam", self._scope, BRIEF))
        except AwsCallError as error:
            if _is_silence(error):
                self._silence = error
            raise


def _is_silence(error: AwsCallError) -> bool:
    """Whether IAM did not answer; an answer about what was asked, such as NoSuchEntity, is none."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return True
    return int(cause.response["ResponseMetadata"]["HTTPStatusCode"]) >= SERVER_ERROR


def joined(answers: Sequence[Permissions]) -> Permissions:
    """One answer of several: an action denied by one is denied, silence of one leaves the rest unknown."""
    denied = dict.fromkeys(action for answer in answers for action in answer.denied)
    silences = [answer.unanswered for answer in answers if answer.unanswered]
    return Permissions(tuple(denied), silences[0] if silences else None)


def _attached_to(role_name: str) -> Callable[[Any], list[str]]:
    def call(iam: Any) -> list[str]:
        pages = iam.get_paginator("list_attached_role_policies").paginate(RoleName=role_name)
        return [policy["PolicyName"] for page in pages for policy in page["AttachedPolicies"]]

    return call


def _simulation(role_arn: str, question: Question) -> Callable[[Any], list[dict[str, Any]]]:
    def call(iam: Any) -> list[dict[str, Any]]:
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=role_arn,
            ActionNames=list(question.actions),
            ResourceArns=[question.resource_arn],
            ContextEntries=[
                {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}
                for key, value, kind in question.context
            ],
        )
        return [result for page in pages for result in page["EvaluationResults"]]

    return call


def _too_slow(operation: str, scope: Scope) -> AwsUnavailableError:
    explanation = explain("RequestTimeout", "", operation)
    message = f"{operation} in {scope} was not asked: IAM took more than {ASKING_SECONDS:.0f} s before."
    return AwsUnavailableError(message, "RequestTimeout", explanation)
