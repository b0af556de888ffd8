"""Addresses of a club whose offices change hands every year: an example of a resolver for the forwarder."""
