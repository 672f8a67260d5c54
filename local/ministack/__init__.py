"""The cloud on a laptop: MiniStack with moto's ASL interpreter, the DRS emulator and enforced IAM.

``LocalCloud`` (``process.py``) starts it as a child process; ``server.py`` is that process. The pieces:
``hooks`` names every private name we replace, ``scaled_clock`` is its time, ``states_*`` Step Functions,
``lambda_*`` the function workers, ``ec2_*`` what EC2 lacks, ``ssm_commands`` Run Command, ``iam_*``
conditions and role sessions, ``drs_mount`` the DRS emulator, ``admin`` the routes under ``/_local``.
"""

from local.ministack.process import CloudDidNotStartError, LocalCloud

__all__ = ["CloudDidNotStartError", "LocalCloud"]
