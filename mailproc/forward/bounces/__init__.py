"""Failures of mail that went on: the reverse paths to which they are told, and what is made of a mail that comes back."""
