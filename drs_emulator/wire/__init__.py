"""The wire: requests and responses of REST-JSON, checked against botocore's service model."""
