"""The handler `tunnel`: a class that was written for emailtunnel forwards mail."""
