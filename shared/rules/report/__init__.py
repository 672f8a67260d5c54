"""The report of an execution, as a document and in words."""
