"""Which source servers an execution is about: by its plan, and by its request."""
