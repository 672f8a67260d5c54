"""Plan and request documents: parsed, checked against their schemas, and what they select."""
