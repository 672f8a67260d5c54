"""Use-cases: rules, gateways and the store together."""
