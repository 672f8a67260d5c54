"""What DRS reads and changes in EC2."""
