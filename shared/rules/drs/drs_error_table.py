"""The errors of DRS, EC2, STS and botocore that an operator may meet, each with its kind and its remedy."""

from __future__ import annotations

from enum import StrEnum


class ErrorKind(StrEnum):
    THROTTLED = "THROTTLED"
    QUOTA = "QUOTA"
    BUSY = "BUSY"
    NOT_STOPPED = "NOT_STOPPED"
    DENIED = "DENIED"
    NOT_FOUND = "NOT_FOUND"
    INVALID = "INVALID"
    CAPACITY = "CAPACITY"
    UNKNOWN_OUTCOME = "UNKNOWN_OUTCOME"
    """The call may have taken effect: read the state before calling again."""
    INTERNAL = "INTERNAL"


_SLOWER = "AWS asks for fewer calls; it is tried again by itself."
_GRANT = (
    "Give the role the denied action (update the member-account stack). DRS launches with the rights of the "
    "caller of StartRecovery, so that role also needs the EC2 actions, iam:PassRole and "
    "drs:CreateRecoveryInstanceForDrs."
)
OFF_BY_DEFAULT = {
    "CreateTags": "Deploy the member stack with AllowTagging=true (instances) or AllowRemovingVolumes=true "
    "(volumes), or do it yourself.",
    "DeleteVolume": "Deploy the member stack with AllowRemovingVolumes=true, or delete the volume yourself.",
    "SendCommand": "Deploy the member stack with the document in SsmDocuments, or one that AWS owns in "
    "SharedSsmDocuments.",
    "TerminateRecoveryInstances": "Deploy the member stack with AllowTerminateRecoveryInstances=true.",
}
"""What a member stack permits only by a parameter: the remedy, by the operation that was denied."""
_WAIT_FOR_JOB = (
    "Wait until the other job of the server is over (DescribeJobs shows it), then start the plan again."
)
_STOP_TARGET = "Stop the target instance: DRS launches only into a stopped one and does not stop it itself."
_CAPACITY = (
    "EC2 has no capacity for this instance type in this Availability Zone. Change the type of the target "
    "instance (ModifyInstanceAttribute) or wait, then start the plan again."
)
_VOLUME_KEY = (
    "EC2 may not use the KMS key of one of its volumes: the key must be enabled, and its policy must allow "
    "kms:CreateGrant, kms:Decrypt and kms:DescribeKey to the role that starts it. DescribeVolumes shows "
    "the key."
)
_MARKETPLACE = (
    "Accept the terms of the AWS Marketplace product in this account: the message has the link. If it names "
    "no product: enable the Region for this account, in both accounts of the site."
)
_LIMIT = "Raise the quota in Service Quotas, or free what counts against it, then start the plan again."
_CHECK_ID = "Check that the resource still exists in this account and Region, then start the plan again."
_OUR_REQUEST = "The request is wrong: correct the plan or the setting that the message names."
_NO_ANSWER = "AWS did not answer in time: start the plan again."
_INSIDE = "AWS failed inside: start the plan again. If it repeats, see the AWS Health page."
_REACH = (
    "The endpoint could not be reached. Check the Region name, its state on the AWS Health page, and the VPC."
)
_INITIALIZE = (
    "Set DRS up in this account and Region (its name for REGION): aws drs initialize-service --region REGION"
)

_QUIESCE = "Correct the command under policies.failback.quiesce in the plan, then start it again."

# Codes without "Exception" at the end: kind and remedy.
BY_CODE: dict[str, tuple[ErrorKind, str]] = {
    # DRS (service model)
    "Throttling": (ErrorKind.THROTTLED, _SLOWER),
    "ServiceQuotaExceeded": (
        ErrorKind.QUOTA,
        "DRS takes 20 jobs, 500 servers in all jobs and 100 in one; it goes on when others are done.",
    ),
    "Conflict": (ErrorKind.BUSY, _WAIT_FOR_JOB),
    "AccessDenied": (ErrorKind.DENIED, _GRANT),
    "ResourceNotFound": (ErrorKind.NOT_FOUND, _CHECK_ID),
    "Validation": (ErrorKind.INVALID, _OUR_REQUEST),
    "UninitializedAccount": (ErrorKind.INVALID, _INITIALIZE),
    "InternalServer": (ErrorKind.INTERNAL, _INSIDE),
    # EC2, and what all services share
    "ThrottlingError": (ErrorKind.THROTTLED, _SLOWER),
    "RequestLimitExceeded": (ErrorKind.THROTTLED, _SLOWER),
    "TooManyRequests": (ErrorKind.THROTTLED, _SLOWER),
    "RequestThrottled": (ErrorKind.THROTTLED, _SLOWER),
    "SlowDown": (ErrorKind.THROTTLED, _SLOWER),
    "ProvisionedThroughputExceeded": (ErrorKind.THROTTLED, _SLOWER),
    "TransactionConflict": (ErrorKind.THROTTLED, _SLOWER),
    "TransactionCanceled": (ErrorKind.THROTTLED, _SLOWER),
    "EC2ThrottledException": (ErrorKind.THROTTLED, _SLOWER),
    "UnauthorizedOperation": (ErrorKind.DENIED, _GRANT),
    "AuthFailure": (ErrorKind.DENIED, _GRANT),
    "OptInRequired": (ErrorKind.DENIED, _MARKETPLACE),
    "InvalidKMSKey.InvalidState": (ErrorKind.DENIED, _VOLUME_KEY),
    # As a StateReason, of an encrypted volume (EC2 user guide, instance launch issues).
    "Client.InternalError": (ErrorKind.DENIED, _VOLUME_KEY),
    "InsufficientInstanceCapacity": (ErrorKind.CAPACITY, _CAPACITY),
    "InsufficientHostCapacity": (ErrorKind.CAPACITY, _CAPACITY),
    "InsufficientReservedInstanceCapacity": (ErrorKind.CAPACITY, _CAPACITY),
    "InsufficientVolumeCapacity": (ErrorKind.CAPACITY, _CAPACITY),
    "InsufficientCapacity": (ErrorKind.CAPACITY, _CAPACITY),
    "InsufficientCapacityOnOutpost": (ErrorKind.CAPACITY, _CAPACITY),
    "InstanceLimitExceeded": (ErrorKind.QUOTA, _LIMIT),
    "VcpuLimitExceeded": (ErrorKind.QUOTA, _LIMIT),
    "VolumeLimitExceeded": (ErrorKind.QUOTA, _LIMIT),
    "SnapshotLimitExceeded": (ErrorKind.QUOTA, _LIMIT),
    "MaxIOPSLimitExceeded": (ErrorKind.QUOTA, _LIMIT),
    "MaxSpotInstanceCountExceeded": (ErrorKind.QUOTA, _LIMIT),
    "AttachmentLimitExceeded": (ErrorKind.QUOTA, "Detach volumes from the target, or give it a larger type."),
    "IncorrectInstanceState": (ErrorKind.NOT_STOPPED, _STOP_TARGET),
    "IncorrectState": (ErrorKind.BUSY, "The resource is changing: wait a minute and start the plan again."),
    "VolumeInUse": (ErrorKind.BUSY, "Detach the volume from the instance that holds it."),
    "OperationNotPermitted": (
        ErrorKind.INVALID,
        "The instance forbids it: check its stop protection, spot request and hibernation.",
    ),
    "Unsupported": (ErrorKind.INVALID, "Use an instance type that the Availability Zone offers."),
    "UnsupportedOperation": (
        ErrorKind.INVALID,
        "The instance cannot do this: check its type and purchase option.",
    ),
    "MissingParameter": (ErrorKind.INVALID, _OUR_REQUEST),
    # Systems Manager, SendCommand
    "InvalidInstanceId": (
        ErrorKind.NOT_FOUND,
        "Systems Manager does not reach the instance: it must run with the SSM agent, a profile with "
        "AmazonSSMManagedInstanceCore, and a way to the ssm endpoints.",
    ),
    "InvalidDocument": (ErrorKind.INVALID, _QUIESCE),
    "InvalidDocumentVersion": (ErrorKind.INVALID, _QUIESCE),
    "InvalidParameters": (ErrorKind.INVALID, _QUIESCE),
    "UnsupportedPlatformType": (ErrorKind.INVALID, _QUIESCE),
    # STS, IAM and credentials
    "ExpiredToken": (ErrorKind.DENIED, "The session is over; start the plan again."),
    "RequestExpired": (
        ErrorKind.DENIED,
        "The session is over, or the clock of the caller is wrong: start the plan again.",
    ),
    "InvalidClientTokenId": (
        ErrorKind.DENIED,
        "Enable the Region for this account: the credentials are unknown there.",
    ),
    "UnrecognizedClient": (
        ErrorKind.DENIED,
        "Enable the Region for this account: the credentials are unknown there.",
    ),
    "SignatureDoesNotMatch": (
        ErrorKind.DENIED,
        "The credentials are wrong: start the plan again. If it repeats, deploy the stack anew.",
    ),
    "RegionDisabled": (
        ErrorKind.DENIED,
        "Activate STS in this Region for the account (IAM account settings).",
    ),
    "MalformedPolicyDocument": (ErrorKind.INVALID, _OUR_REQUEST),
    "PackedPolicyTooLarge": (ErrorKind.INVALID, _OUR_REQUEST),
    "NoCredentials": (ErrorKind.DENIED, "There are no AWS credentials; give the function its role."),
    "NoCredentialsError": (ErrorKind.DENIED, "There are no AWS credentials; give the function its role."),
    # botocore, when no answer came back
    "ReadTimeoutError": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "ConnectionClosedError": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "ResponseStreamingError": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "IncompleteReadError": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "HTTPClientError": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "ConnectionError": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "RequestTimeout": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "GatewayTimeout": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "504": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "ConnectTimeoutError": (ErrorKind.INTERNAL, _REACH),
    "EndpointConnectionError": (ErrorKind.INTERNAL, _REACH),
    "ProxyConnectionError": (ErrorKind.INTERNAL, _REACH),
    "SSLError": (ErrorKind.INTERNAL, _REACH),
    "InternalError": (ErrorKind.INTERNAL, _INSIDE),
    "InternalFailure": (ErrorKind.INTERNAL, _INSIDE),
    "ServiceUnavailable": (ErrorKind.INTERNAL, _INSIDE),
    "Unavailable": (ErrorKind.INTERNAL, _INSIDE),
    "500": (ErrorKind.INTERNAL, _INSIDE),
    "502": (ErrorKind.UNKNOWN_OUTCOME, _NO_ANSWER),
    "503": (ErrorKind.INTERNAL, _INSIDE),
}

# EC2 has hundreds of codes whose suffix shows what they are (EC2 API reference, error codes).
BY_SUFFIX: tuple[tuple[str, ErrorKind, str], ...] = (
    (".NotFound", ErrorKind.NOT_FOUND, _CHECK_ID),
    ("NotFound", ErrorKind.NOT_FOUND, _CHECK_ID),
    (".Malformed", ErrorKind.INVALID, _OUR_REQUEST),
    ("LimitExceeded", ErrorKind.QUOTA, _LIMIT),
    ("QuotaExceeded", ErrorKind.QUOTA, _LIMIT),
    (".InUse", ErrorKind.BUSY, "Wait until nothing else uses the resource, then start the plan again."),
    ("Denied", ErrorKind.DENIED, _GRANT),
    ("ValidationError", ErrorKind.INVALID, _OUR_REQUEST),
    ("Value", ErrorKind.INVALID, _OUR_REQUEST),
    ("Combination", ErrorKind.INVALID, _OUR_REQUEST),
)

# Texts, in lower case, that say more than their code does. Sources: DRS user guide, launch configuration
# errors; the texts of StartRecovery as observed in the field.
BY_MESSAGE: tuple[tuple[tuple[str, ...], ErrorKind, str], ...] = (
    (("currently being processed by a job",), ErrorKind.BUSY, _WAIT_FOR_JOB),
    (
        ("not finished initializing", "replication agent is not connected"),
        ErrorKind.BUSY,
        "The agent on the instance has to check in first: that takes minutes from its start, an instance "
        "profile with AWSElasticDisasterRecoveryRecoveryInstancePolicy, and egress on TCP 443.",
    ),
    (
        ("conflicting instance settings",),
        ErrorKind.INVALID,
        "Use a target instance with the platform, architecture and boot mode of the source server.",
    ),
    (
        ("not in the 'stopped' state", "must be stopped", "is not stopped", "is not in state 'stopped'"),
        ErrorKind.NOT_STOPPED,
        _STOP_TARGET,
    ),
    (
        ("could not be processed",),
        ErrorKind.INVALID,
        "Tag the original instance AWSDRS=AllowLaunchingIntoThisInstance and check its boot mode.",
    ),
    (
        ("allowlaunchingintothisinstance",),
        ErrorKind.INVALID,
        "Tag the target instance AWSDRS=AllowLaunchingIntoThisInstance.",
    ),
)

_SUBNET_443 = (
    "Open port 443 from the staging subnet to the endpoints of DRS, S3 and EC2: "
    "route, network ACL, security group."
)
_SNAPSHOTS = (
    "Check the rights of the DRS roles and the EBS snapshot quota; EC2 may have throttled the snapshots."
)

# What stands in rawError, in lower case (DRS user guide: launch, conversion and replication errors).
RAW_ERRORS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("failed to connect using http channel",), _SUBNET_443),
    (
        ("conversion server launch failed",),
        "EC2 could not launch the conversion server: check its vCPU quota, the staging subnet, and the role "
        "AWSElasticDisasterRecoveryConversionServerRole.",
    ),
    (
        ("conversion failed",),
        "Look at the disks of the source server (boot loader, drivers, file system), then launch it again.",
    ),
    (
        ("modifysnapshotattribute", "kms", "encryption key"),
        "Let the DRS roles and this account use the KMS key of the snapshots: kms:ReEncrypt*, "
        "kms:CreateGrant and kms:DescribeKey in the key policy.",
    ),
    (("failed to take snapshot", "snapshots_failure"), _SNAPSHOTS),
    (
        ("os byol can only be used",),
        "Switch OS BYOL off in the launch settings, or use a target on a dedicated host.",
    ),
    (("not ready_for_test",), "Wait until the initial sync of the server is done."),
    (("not authorized", "unauthorized", "access denied", "accessdenied", "not have permission"), _GRANT),
    (("no default vpc", "default vpc"), "Set a subnet in the EC2 launch template of the server."),
    (
        ("agent_not_seen",),
        "Check that the agent runs on the server, can reach DRS on port 443, and on a recovery instance that "
        "its instance profile has AWSElasticDisasterRecoveryRecoveryInstancePolicy.",
    ),
    (("not_converging",), "Give the replication more bandwidth or faster staging disks."),
    (("unstable_network",), "Check the network between the server and the staging subnet."),
    (
        ("failed_to_launch_replication_server", "failed_to_boot_replication_server"),
        "Check the EC2 quotas and the capacity in the staging subnet, and the DRS service roles.",
    ),
    (
        ("failed_to_authenticate_with_service", "failed_to_download_replication_software"),
        _SUBNET_443,
    ),
    (
        ("failed_to_connect_agent", "failed_to_pair_replication_server"),
        "Open TCP port 1500 from the server to the staging subnet.",
    ),
    (
        ("failed_to_create_staging_disks", "failed_to_attach_staging_disks"),
        "Check the EBS quotas and the rights on the KMS key of the staging disks.",
    ),
    (("failed_to_create_security_group",), "Check the rights of the DRS roles and the security group quota."),
)
