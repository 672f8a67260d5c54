"""What an execution that ended too early has done already, and how the next one takes it over."""
