"""Measurements that take longer than a test may; each is run by a target of the Makefile."""
