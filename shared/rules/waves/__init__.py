"""Waves cut into batches, slots under the quotas, outcomes and the estimate."""
