"""What a class that was written for emailtunnel imports from here in place of it: the same names."""

from mailproc.forward.resolver import InvalidRecipient
from mailproc.forward.tunnel.forwarder import SMTPForwarder
from mailproc.forward.tunnel.tunnelled import Envelope, Message

__all__ = ["Envelope", "InvalidRecipient", "Message", "SMTPForwarder"]
