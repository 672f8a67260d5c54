"""What to do about a replication that has stalled.

What a stall means is in the DRS user guide, common replication errors.
"""

from __future__ import annotations


def stall_remedy(error: str | None) -> str:
    """What to do about a ``dataReplicationError``. Total: an unknown error gets an answer too."""
    return _STALL_REMEDIES.get(error or "", _ANY_STALL)


_STAGING = "Its staging area is in the origin: see the replication settings there."
_ANY_STALL = (
    "Read the replication's events in the DRS console of the origin and repair what they name; it continues "
    "then."
)
_STALL_REMEDIES = {
    "AGENT_NOT_SEEN": (
        "Check that the instance runs, that its agent does (systemctl status aws-replication), that its "
        "profile has AWSElasticDisasterRecoveryRecoveryInstancePolicy, and that TCP 443 is open to DRS."
    ),
    "SNAPSHOTS_FAILURE": (
        "DRS cannot take snapshots: check for a service control policy that denies ec2:CreateSnapshot, and "
        "for EC2 API throttling or a snapshot quota. It tries again by itself."
    ),
    "NOT_CONVERGING": (
        "More is written than gets through. Give it more bandwidth (bandwidth throttling off, a larger "
        "replication server), a faster staging disk type, or less to write."
    ),
    "UNSTABLE_NETWORK": (
        "The connection breaks again and again: check the route between the sides, packet loss and MTU, and "
        "firewalls that cut long TCP 1500 connections."
    ),
    "FAILED_TO_CREATE_SECURITY_GROUP": (
        "DRS cannot make its security group: check for a service control policy that denies "
        "ec2:CreateSecurityGroup, and the quota of security groups in the staging VPC."
    ),
    "FAILED_TO_LAUNCH_REPLICATION_SERVER": (
        "EC2 launches no replication server: check the vCPU quota, the capacity for its instance type, free "
        f"addresses in the staging subnet, and service control policies. {_STAGING}"
    ),
    "FAILED_TO_BOOT_REPLICATION_SERVER": (
        "The replication server does not boot: check the KMS key of the staging disks and the status checks "
        f"of the instance in EC2. {_STAGING}"
    ),
    "FAILED_TO_AUTHENTICATE_WITH_SERVICE": (
        "The staging subnet does not reach DRS on TCP 443: give it a route through a NAT or an internet "
        "gateway, or VPC endpoints, and open its network ACL."
    ),
    "FAILED_TO_DOWNLOAD_REPLICATION_SOFTWARE": (
        "The staging subnet does not reach S3 on TCP 443: give it a route or an S3 gateway endpoint, whose "
        "policy allows the buckets of DRS."
    ),
    "FAILED_TO_CREATE_STAGING_DISKS": (
        "The staging disks cannot be made: allow DRS to use the KMS key, and check the EBS volume quota."
    ),
    "FAILED_TO_ATTACH_STAGING_DISKS": (
        "The staging disks cannot be attached: check the volume limit of the replication server's type and "
        "service control policies that deny ec2:AttachVolume."
    ),
    "FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT": (
        "Agent and replication server did not find each other: check that the instance runs and reaches DRS "
        "on TCP 443. It tries again by itself."
    ),
    "FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER": (
        "TCP 1500 is closed between the instance and the staging subnet: open it in the security groups, the "
        "network ACLs and firewalls on the way."
    ),
    "FAILED_TO_START_DATA_TRANSFER": (
        "No data flow although the connection is made: check firewalls that inspect TCP 1500, and start the "
        "agent again (systemctl restart aws-replication)."
    ),
}
