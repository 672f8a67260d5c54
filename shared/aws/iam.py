"""IAM of one account: what an instance profile carries, and what a role may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.errors import AccessDeniedError, AwsCallError, calling
from shared.model.iam import Question
from shared.model.scope import Scope


class IamClient:
    """The account of ``scope``, acting as the member role behind ``accounts``."""

    def __init__(self, accounts: MemberAccounts, scope: Scope) -> None:
        self._scope = scope
        self._accounts = accounts

    def profile_policies(self, instance_profile_arn: str) -> tuple[str, ...] | None:
        """Names of the managed policies on the profile's role; None where that may not or cannot be read."""
        try:
            with calling("GetInstanceProfile", str(self._scope)):
                profile = self._iam.get_instance_profile(
                    InstanceProfileName=instance_profile_arn.rsplit("/", 1)[-1]
                )["InstanceProfile"]
            names: list[str] = []
            for role in profile["Roles"]:
                with calling("ListAttachedRolePolicies", str(self._scope)):
                    pages = self._iam.get_paginator("list_attached_role_policies").paginate(
                        RoleName=role["RoleName"]
                    )
                    names += [policy["PolicyName"] for page in pages for policy in page["AttachedPolicies"]]
        except AwsCallError:
            return None
        return tuple(names)

    def denied_actions(self, role_name: str, questions: Sequence[Question]) -> tuple[str, ...] | None:
        """Which actions the role may not do, in the order asked; None where simulating is not allowed."""
        if not questions:
            return ()
        role = f"arn:{questions[0].partition}:iam::{self._scope.account}:role/{role_name}"
        return self._denied(role, questions)

    def denied_to_roles(self, asked: Mapping[str, Sequence[Question]]) -> tuple[str, ...] | None:
        """``denied_actions`` of several roles, by their names; None where one answer is."""
        answers = [self.denied_actions(role_name, questions) for role_name, questions in asked.items()]
        known = [denied for denied in answers if denied is not None]
        return tuple(dict.fromkeys(chain(*known))) if len(known) == len(answers) else None

    def denied_to_profile(
        self, instance_profile_arn: str, questions: Sequence[Question]
    ) -> tuple[str, ...] | None:
        """Which actions the profile's role may not do; None where that may not or cannot be read."""
        try:
            with calling("GetInstanceProfile", str(self._scope)):
                roles = self._iam.get_instance_profile(
                    InstanceProfileName=instance_profile_arn.rsplit("/", 1)[-1]
                )["InstanceProfile"]["Roles"]
            return self._denied(roles[0]["Arn"], questions) if roles else None
        except AwsCallError:
            return None

    def _denied(self, role_arn: str, questions: Sequence[Question]) -> tuple[str, ...] | None:
        denied: list[str] = []
        for question in questions:
            try:
                with calling("SimulatePrincipalPolicy", str(self._scope)):
                    pages = self._iam.get_paginator("simulate_principal_policy").paginate(
                        PolicySourceArn=role_arn,
                        ActionNames=list(question.actions),
                        ResourceArns=[question.resource_arn],
                        ContextEntries=[
                            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": kind}
                            for key, value, kind in question.context
                        ],
                    )
                    results = [result for page in pages for result in page["EvaluationResults"]]
            except AccessDeniedError:
                return None
            denied += [r["EvalActionName"] for r in results if r["EvalDecision"] != "allowed"]
        return tuple(dict.fromkeys(denied))

    @property
    def _iam(self) -> Any:
        return self._accounts.client("iam", self._scope)
