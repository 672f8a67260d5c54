"""Why a site cannot be read: the account is not listed, its role refuses us, or lacks a permission."""

from __future__ import annotations

from botocore.exceptions import ClientError

from shared.aws.errors import AccessDeniedError
from shared.model.scope import Site
from shared.model.unreadable_site import UnreadableSite

NOT_LISTED = "no identity-based policy allows the sts:AssumeRole action"
"""IAM writes it where the caller's own policy is what is missing (IAM user guide, access denied messages)."""


def without_access(site: Site, error: AccessDeniedError) -> UnreadableSite:
    """``error``: of a read in the recovery scope. AWS answers a missing role and a wrong ExternalId alike."""
    where = f"Site {site.name} ({site.recovery}) cannot be read, and none of its servers is recovered:"
    cause = error.__cause__
    account = site.recovery.account
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


_UPDATE = "Deploy the current member-account.yaml there."
