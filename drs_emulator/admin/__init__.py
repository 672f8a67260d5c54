"""The admin API: everything that is not AWS."""
