"""The inspector that looks at the cases: real decisions, real GnuPG, real keys; no configuration and no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from mailproc.app import make_domain_trust, make_inspector
from mailproc.directory import RegisteredKey, User
from mailproc.dkim.txt import Records
from mailproc.inspection import Inspector
from mailproc.openpgp.certificates import read_certificates
from mailproc.settings import Dkim
from mailproc.testing import SigningKey
from mailproc.userfile import UserFile
from tests.corpus.cases import ANN, ARRIVAL, BOB, GONE, Case, People
from tests.corpus.dkim_signatures import AUTHSERV_ID


@pytest.fixture(scope="session")
def people() -> Iterator[People]:
    """The keys of all, made a year before the mails arrive."""
    made = ARRIVAL - timedelta(days=365)
    with (
        SigningKey.generate(f"Ann <{ANN}>", at=made) as ann,
        SigningKey.generate(f"Bob <{BOB}>", at=made) as bob,
        SigningKey.generate("Mallory <mallory@example.net>", at=made) as mallory,
    ):
        yield People(ann, bob, mallory)


def inspector_for(case: Case, people: People) -> Inspector:
    """The inspector for a case: its domains are trusted, and its TXT records are all that there are."""
    inspector = _inspector(people)
    if not case.trusted:
        return inspector
    trust = make_domain_trust(Dkim(trusted_domains=case.trusted, authserv_id=AUTHSERV_ID), Records(dict(case.dns)))
    return replace(inspector, site=replace(inspector.site, dkim=trust))


@cache
def _inspector(people: People) -> Inspector:
    keys: dict[str, list[RegisteredKey]] = {}
    names: dict[str, list[RegisteredKey]] = {}
    for user, key in ((ANN, people.ann), (BOB, people.bob)):
        for certificate in read_certificates(key.certificate):
            registered = RegisteredKey(certificate.fingerprint, user, certificate.data)
            keys.setdefault(user, []).append(registered)
            for name in certificate.names:
                names.setdefault(name, []).append(registered)
    users = {ANN: User(ANN), BOB: User(BOB), GONE: User(GONE, active=False)}
    return make_inspector(None, UserFile(users, keys, names), None)
