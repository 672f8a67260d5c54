"""EBS volumes that launches detach: found, priced, and removed on request."""
