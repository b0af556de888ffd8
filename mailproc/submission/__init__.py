"""The relay that takes our mail, by SMTP (RFC 5321, RFC 6409): the only package that knows `smtplib`.

A connection is used for several mails. What the relay says of one mail is an answer (`Submitted`); what it says of us, at
the greeting, STARTTLS or login, is an exception, because no mail is at fault there and none may be given up for it.
"""

from mailproc.submission.relay import Relay, RelayFacts, Submitted

__all__ = ["Relay", "RelayFacts", "Submitted"]
