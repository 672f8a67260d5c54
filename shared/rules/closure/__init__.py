"""What servers, waves and executions become when their run ends."""
