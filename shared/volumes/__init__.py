"""EBS volumes that launches leave behind: found, priced, and removed on request."""
