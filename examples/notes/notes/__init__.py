"""Notebooks that are written by mail: an example of a plugin for mailproc."""
