"""Why a site cannot be read: the account is not listed, its role refuses us, or lacks a permission."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import ClientError

from shared.aws.errors import AccessDeniedError
from shared.model.scope import Scope, Site
from shared.model.server import Change, ServerRecord
from shared.model.unreadable_site import UnreadableSite
from shared.rules.checks.decision import UNDECIDED, checked
from shared.store import FindingStore

NOT_LISTED = "no identity-based policy allows the sts:AssumeRole action"
"""IAM writes it where the caller's own policy is what is missing (IAM user guide, access denied messages)."""


def without_access(site: Site, error: AccessDeniedError) -> UnreadableSite:
    """``error``: of a read at the site. AWS answers a missing role and a wrong ExternalId alike."""
    scope = _denying(site, error)
    where = f"Site {site.name} ({scope}) cannot be read, and none of its servers is recovered:"
    cause = error.__cause__
    account = scope.account
    if not (isinstance(cause, ClientError) and cause.operation_name == "AssumeRole"):
        return UnreadableSite(site.name, f"{where} the role there lacks a permission. {error}", _UPDATE)
    message = cause.response["Error"].get("Message", "")
    if NOT_LISTED in message:
        return UnreadableSite(
            site.name,
            f"{where} this stack may not assume a role in {account}. {message}",
            f"Add {account} to MemberAccountIds and deploy template.yaml again.",
        )
    return UnreadableSite(
        site.name,
        f"{where} its role is missing, or trusts another stack or ExternalId. {message}",
        f"Deploy member-account.yaml in {account} with this stack's account and ExternalId.",
    )


def block_all(
    findings: FindingStore, execution_id: str, records: Sequence[ServerRecord], why: UnreadableSite
) -> list[ServerRecord]:
    """Block the servers of a site that turned out to deny access; gives them as changed."""
    findings.put_facts(execution_id, [why])
    changes = [Change(record, checked(record, (why.finding,))) for record in records]
    return findings.change_servers(execution_id, changes, only_from=UNDECIDED)


def _denying(site: Site, error: AccessDeniedError) -> Scope:
    """The side that denies: a failback reads both. An error names the scope that the call was for."""
    if str(site.origin) in str(error) and str(site.recovery) not in str(error):
        return site.origin
    return site.recovery


_UPDATE = "Deploy the current member-account.yaml there."
