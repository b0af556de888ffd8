"""Who sent a message, and how sure we are: what the findings about From, a domain and a signature mean, and who may go on.

In this order, and the first that ends the message ends it:

1. Whose address is the one in From? Nobody's: nothing is verified. An inactive user's: dropped in silence, nothing is verified.
2. Does a trusted domain answer for the whole mail by DKIM, the one of From or of the same user's Sender? Then it is *strong*,
   and an OpenPGP signature is not looked at.
3. Is the body signed with OpenPGP, and what does the verifier find? Anything but a good signature is told to the sender, with
   what mends it. When was it signed, compared with the arrival? Whose key is it, and does it cover the whole body? Only the
   sender's own key over all of it is *strong*.
4. Did the DNS fail to tell about 2, and nothing else has proven the sender? The message waits, unless the operator wants not.

An OpenPGP signature does not cover the header: the recipient, the subject and the date are the sender's word alone.
"""

from collections.abc import Sequence

from mailproc.authenticate import domain, permission, sender, signature
from mailproc.authenticate.authenticated import Authenticated, ReplayMark
from mailproc.authenticate.domain import DomainTrust
from mailproc.authenticate.freshness import MAX_AGE, MAX_AHEAD
from mailproc.authenticate.permission import permit
from mailproc.authenticate.sender import authenticate

RULE_IDS: Sequence[str] = (*sender.RULE_IDS, *domain.RULE_IDS, *signature.RULE_IDS, *permission.RULE_IDS)

__all__ = [
    "MAX_AGE",
    "MAX_AHEAD",
    "RULE_IDS",
    "Authenticated",
    "DomainTrust",
    "ReplayMark",
    "authenticate",
    "permit",
]
