"""What speaks against passing a mail on, each under a name by which the option ``reject`` asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from mailproc import Address, Reply
from mailproc.forward.bounces.reports import is_report
from mailproc.reading import Message, one_line, read_addresses, read_header

MAX_COPIES = 256 * 1024 * 1024  # octets of all copies of a mail, which are in memory together until they are committed

_ADMINS = {"admin", "administrator", "postmaster"}
_NOTICES = ("delayed mail", "undelivered mail returned to sender")  # subjects of Postfix's notifications
_MAX_AUTHORS = 3  # whose policies are looked up


class Candidate(NamedTuple):
    """What the checks look at; ``strict`` says whether the DMARC policy of a domain asks for quarantine or rejection."""

    message: Message
    raw: bytes
    reverse_path: str | None
    recipient: Address
    strict: Callable[[str], bool]


Check: TypeAlias = Callable[[Candidate], Reply | None]


def objection(names: Iterable[str], mail: Candidate) -> Reply | None:
    """What the first of the checks ``names``, in their order, has against a mail; None when none has anything.

    Raises KeyError for a name that is not in `CHECKS`.
    """
    return next((found for name in names if (found := CHECKS[name](mail))), None)


def unsendable(raw: bytes) -> Reply | None:
    """Why no relay would take the mail, whoever it goes on to: octets that SMTP does not carry (RFC 5321 section 2.3.8).

    A lone LF is none of them, for it goes on as CRLF.
    """
    if b"\0" not in raw and raw.count(b"\r") == raw.count(b"\r\n"):
        return None
    return _malformed("It holds a NUL or a CR without LF, and no mail server may pass such a mail on")


def too_big(octets: int) -> Reply | None:
    """Why a mail whose copies have so many octets together cannot go on; None up to 256 MiB."""
    if octets <= MAX_COPIES:
        return None
    return Reply(552, "5.3.4", "The mail is too big to go to so many lists at once; write to fewer of them")


def _report(mail: Candidate) -> Reply | None:
    """A notification of the delivery of some mail is for who sent that, and not for people (RFC 3464)."""
    return _refused("It is a delivery status notification") if is_report(mail.message.header) else None


def _admin_subject(mail: Candidate) -> Reply | None:
    """A notification for the postmaster that does not say so but by its subject."""
    subject = mail.message.subject.lower()
    noticed = mail.recipient.local.lower() in _ADMINS and any(notice in subject for notice in _NOTICES)
    return _refused("By its subject it is a delivery status notification") if noticed else None


def _header_encoding(mail: Candidate) -> Reply | None:
    """Octets beyond ASCII that are no UTF-8 (RFC 6532 section 3.1): each reader would show something else."""
    header = read_header(mail.raw)
    try:
        mail.raw[header.start : header.length].decode("utf-8")
    except UnicodeDecodeError:
        return _malformed("A header field holds octets that are neither ASCII nor UTF-8")
    return None


def _null_reverse_path(mail: Candidate) -> Reply | None:
    """Nothing but notifications have the null path, and they go to one sender (RFC 5321 section 4.5.5)."""
    return _refused("Its reverse path is null (RFC 5321 section 4.5.5)") if mail.reverse_path == "" else None


def _one_from(mail: Candidate) -> Reply | None:
    """Exactly one From field (RFC 5322 section 3.6)."""
    count = len(mail.message.header.all("From"))
    return None if count == 1 else _malformed(f"It has {count} From fields (RFC 5322 section 3.6 wants one)")


def _from_domain(mail: Candidate) -> Reply | None:
    """An author with a domain, to whom an answer can go."""
    return None if _authors(mail) else _malformed("From holds no address with a domain")


def _dmarc(mail: Candidate) -> Reply | None:
    """A mail that its author's domain would have refused by everybody to whom it goes on (RFC 7489 section 6.3)."""
    if mail.message.header.all("DKIM-Signature"):
        return None
    domains = dict.fromkeys(address.domain for address in _authors(mail))
    strict = next((domain for domain in domains if mail.strict(domain)), None)
    return _refused(f"The DMARC policy of {strict} wants a DKIM signature, and it has none") if strict else None


CHECKS: Mapping[str, Check] = {
    "report": _report,
    "admin-subject": _admin_subject,
    "header-encoding": _header_encoding,
    "null-reverse-path": _null_reverse_path,
    "one-from": _one_from,
    "from-domain": _from_domain,
    "dmarc": _dmarc,
}


def _authors(mail: Candidate) -> tuple[Address, ...]:
    return read_addresses(mail.message.header.all("From"), _MAX_AUTHORS)


def _refused(reason: str) -> Reply:
    return Reply(550, "5.7.1", one_line(reason))


def _malformed(reason: str) -> Reply:
    return Reply(554, "5.6.0", one_line(reason))
