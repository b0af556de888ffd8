"""Mail goes to a chat: token addresses of channels and conversations, and the targets that are posted to.

A program that mails notifications makes its reply addresses with `new_reply_address`.
"""

from mailproc.gateway.addresses import new_reply_address
from mailproc.gateway.posting import Channel, Direct

__all__ = ["Channel", "Direct", "new_reply_address"]
