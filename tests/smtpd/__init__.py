"""The SMTP and LMTP doors, seen from a socket."""
