"""Which fields of a mail its DKIM signatures cover: those we keep our hands off (RFC 6376 section 3.5, ``h=``)."""

from __future__ import annotations

from mailproc.rawmail import RawMail

SIGNATURE = "DKIM-Signature"

_MAX_SIGNATURES = 50
_MAX_OCTETS = 65_536  # of one field: what no verifier reads, no signature covers


def signed_names(mail: RawMail) -> frozenset[str]:
    """The names, in lower case, in ``h=`` of any signature, be it sound or not; also those that are not in the mail.

    A name that is signed without a field is signed so that nobody adds one (RFC 6376 section 5.4).
    """
    names: set[str] = set()
    for field in mail.all(SIGNATURE)[:_MAX_SIGNATURES]:
        for tag in field.value[:_MAX_OCTETS].split(";"):
            name, _, value = tag.partition("=")
            if name.strip().lower() == "h":
                names.update("".join(each.split()).lower() for each in value.split(":"))
    return frozenset(names - {""})


def with_subject(mail: RawMail, subject: str) -> RawMail:
    """The mail with this subject, one line; signatures that cover the old one go, for they are wrong now."""
    signed = "subject" in signed_names(mail)
    return (mail.without(SIGNATURE) if signed else mail).replaced("Subject", subject)
