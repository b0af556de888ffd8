"""The sender of a mail: the questions in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mailproc.authenticate.authenticated import Authenticated
from mailproc.authenticate.domain import DomainTrust, prove_by_domain, wait_for_dns
from mailproc.authenticate.freshness import MAX_AGE, MAX_AHEAD, Window
from mailproc.authenticate.signature import prove_by_signature
from mailproc.directory import Directory, User
from mailproc.failpoints import failpoint
from mailproc.openpgp import Verifier
from mailproc.outcome import Disposition
from mailproc.principal import NOBODY, Principal, Trust
from mailproc.reading import Header, sole_author

RULE_IDS: Sequence[str] = ("unknown-sender", "inactive", "unsigned", "unproven")

_UNSIGNED = "unsigned", "the mail is not signed with OpenPGP"
_UNPROVEN = "unproven", "OpenPGP signatures do not count for this domain"


def authenticate(
    raw: bytes,
    header: Header,
    *,
    arrival: datetime,
    trust: Sequence[str],
    directory: Directory,
    verifier: Verifier | None,
    dkim: DomainTrust | None = None,
    max_age: timedelta | None = MAX_AGE,
    max_ahead: timedelta = MAX_AHEAD,
) -> Authenticated:
    """The sender of a mail, and how the mail ends where its sender is the reason.

    ``header`` is that of ``raw``; ``arrival`` is when the mail reached the maildrop or the door, aware; ``trust`` are the
    methods that count: ``openpgp``, ``dkim``, ``from``. A ``verifier`` of None is one that is not installed; ``dkim`` None
    means that no domain is trusted. A signature is fresh when it was made at most ``max_age`` before the arrival (None:
    whenever) and at most ``max_ahead`` after it. What the directory raises goes through.
    """
    unknown = _look_up(raw, header, directory)
    if unknown.outcome or unknown.user is None:
        return unknown
    window = Window(arrival, max_age, max_ahead)
    sender = _by_from(unknown, unknown.user, trust)
    domain = prove_by_domain(sender, header, window, directory, dkim) if dkim and "dkim" in trust else None
    if domain and domain.proven:
        return domain.proven
    found = prove_by_signature(sender, window, directory, verifier) if "openpgp" in trust else sender
    return wait_for_dns(found, domain, dkim) if domain and dkim else found


def _look_up(raw: bytes, header: Header, directory: Directory) -> Authenticated:
    """The account of the single From address; the database's own failure goes through, it never means "unknown"."""
    author = sole_author(header)
    failpoint("user-lookup")
    user = directory.user_of(author) if author else None
    reason = "From is not exactly one address" if author is None else "the address in From is nobody's"
    found = Authenticated(replace(NOBODY, address=author), user, raw, "unknown-sender", reason)
    if user is not None and not user.active:
        return found.ended(Disposition.DROPPED, "inactive", "the account is not active")
    return found


def _by_from(unknown: Authenticated, user: User, trust: Sequence[str]) -> Authenticated:
    """The sender as far as From alone tells."""
    rule, reason = _UNSIGNED if "openpgp" in trust else _UNPROVEN
    address = unknown.principal.address
    principal = Principal(user.name, address, Trust.WEAK, "from") if "from" in trust else unknown.principal
    return replace(unknown, principal=principal, rule=rule, reason=reason)
