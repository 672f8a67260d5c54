"""Control: what people tell a running execution, and what it makes of that."""
