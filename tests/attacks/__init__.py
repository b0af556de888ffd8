"""Signed mail as attackers bend it and as honest mail programs write it, thousands of each, and the judge of both."""
