"""The maildrops, on real servers and files."""
