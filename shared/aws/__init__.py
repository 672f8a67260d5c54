"""Gateways to AWS: paging, batching, pacing and error classes hidden."""
