"""Replication of source servers: phases, stalls, failback, points in time, events and metrics."""
