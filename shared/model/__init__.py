"""Values: enums and frozen dataclasses by subject, no behaviour beyond their own shape.

Rules take these values and return others; gateways make them out of AWS responses; handlers turn them into
DynamoDB items and state data at the border.
"""
