"""What DRS answers: errors, jobs and quotas."""
