"""What the sender gets whose signature does not count: what was found, and a command that mends it when it is pasted."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from mailproc import Delivery, Outcome, Trust, handler
from mailproc.authenticate.remedies import MENDS, REFUSALS, TOO_NEW, TOO_OLD, Remedy
from mailproc.database.keys import import_key
from mailproc.openpgp import Finding
from mailproc.openpgp.certificates import read_certificates
from mailproc.outcome import Disposition
from mailproc.reading import one_line, read_header
from mailproc.testing import PostOffice, SigningKey
from mailproc.testing.delivered import Delivered
from mailproc.testing.keys import sign_mail, signed_mime

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)
LONGEST_LINE = 78
DESK, VAULT = "desk@desk.example.net", "vault@vault.example.net"
FORGED = "If you did not send this mail, somebody used your address, and you need do nothing."


@dataclass(frozen=True)
class Keys:
    """The keys of Ann, Bob, Dan, whose key was good for a day a year ago, and Gus, whose key is revoked; one is nobody's."""

    ann: SigningKey
    bob: SigningKey
    dan: SigningKey
    gus: SigningKey
    nobody: SigningKey


@pytest.fixture(scope="module")
def dan() -> Iterator[SigningKey]:
    """A key that has expired."""
    with SigningKey.generate("Dan <dan@example.org>", expires="1d") as key:
        yield key


@pytest.fixture(scope="module")
def gus() -> Iterator[SigningKey]:
    """A key with its revocation, which is not imported yet: a revoked one would not sign."""
    with SigningKey.generate("Gus <gus@example.org>") as key:
        yield key


@pytest.fixture(scope="module")
def keys(ann: SigningKey, bob: SigningKey, dan: SigningKey, gus: SigningKey, stranger: SigningKey) -> Keys:
    """All of them."""
    return Keys(ann, bob, dan, gus, stranger)


@pytest.fixture(scope="module")
def revoked(gus: SigningKey) -> bytes:
    """The certificate of Gus with its revocation, made in another home."""
    with tempfile.TemporaryDirectory(prefix="k") as name:
        other = replace(gus, home=Path(name))
        other.gpg("--import", data=gus.certificate)
        (file,) = (gus.home / "openpgp-revocs.d").iterdir()
        other.gpg("--import", data=file.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
        return other.certificate


@pytest.fixture
def office(keys: Keys, revoked: bytes) -> Iterator[PostOffice]:
    """A domain that takes everybody's mail, and one that takes only what is proven."""

    @handler(requires=Trust.NONE)
    def desk(delivery: Delivery) -> Outcome:
        return delivery.handled()

    @handler(requires=Trust.STRONG)
    def vault(delivery: Delivery) -> Outcome:
        return delivery.handled()

    with PostOffice(now=NOW) as office:
        office.bind("desk.example.net", desk)
        office.bind("vault.example.net", vault)
        for name, key in (("ann", keys.ann), ("bob", keys.bob), ("dan", keys.dan), ("gus", None)):
            office.user(name, f"{name}@example.org", key=key)
        office.user("ivy", "ivy@example.org", active=False)
        register(office, "gus", revoked)
        yield office


def register(office: PostOffice, user: str, certificate: bytes) -> None:
    """Have the administrator import a certificate."""
    with office.session() as session:
        for found in read_certificates(certificate):
            import_key(session.connection(), user, found, now=NOW)


def mail(sender: str = "ann", to: str = DESK, text: str = "Turn left.") -> bytes:
    """A mail of a user, not signed."""
    return (
        f"From: {sender}@example.org\r\nTo: {to}\r\nSubject: The way\r\nMessage-ID: <1@example.org>\r\n\r\n{text}\r\n".encode()
    )


def signed_by(raw: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """The mail as PGP/MIME with a signature of one's own making."""
    at = read_header(raw).length
    part = b"Content-Type: text/plain\r\n\r\n" + raw[at:]
    return signed_mime(raw[:at].removesuffix(b"\r\n"), part, sign(part))


def expiring(key: SigningKey, content: bytes) -> bytes:
    """A signature that was good for a day, two days ago."""
    options = ("--local-user", key.fingerprint, "--default-sig-expire", "1d", "--armor", "--detach-sign")
    return key.gpg(*options, data=content, at=NOW - timedelta(days=2))


@dataclass(frozen=True)
class Case:
    """A mail that is refused: by which rule, what its sender reads first, and the commands that they are given."""

    rule: str
    make: Callable[[Keys], bytes]
    found: str
    commands: tuple[str, ...]


SIGN = "gpg --clearsign letter.txt"
EXPORT = "gpg --armor --export {key} > key.asc"
CASES = {
    "expired key": Case(
        "signature.expired-key",
        lambda keys: sign_mail(mail("dan"), keys.dan, at=NOW - YEAR + timedelta(hours=1)),
        "The key that signed your mail has expired (key {key}).",
        ("gpg --quick-set-expire {key} 1y &&", EXPORT),
    ),
    "revoked key": Case(
        "signature.revoked-key",
        lambda keys: sign_mail(mail("gus"), keys.gus),
        "The key that signed your mail was revoked (key {key}); that cannot be undone.",
        ("gpg --armor --export YOUR-ADDRESS > key.asc",),
    ),
    "unknown key": Case(
        "signature.unknown-key",
        lambda keys: sign_mail(mail(), keys.nobody),
        "Your mail is signed with a key that is not registered here (key {key}).",
        (EXPORT,),
    ),
    "SHA-1": Case(
        "signature.weak-digest",
        lambda keys: sign_mail(mail(), keys.ann, digest="SHA1"),
        "The signature on your mail uses a digest that can be forged (SHA-1) (key {key}).",
        ("echo personal-digest-preferences SHA512 SHA256 >> ~/.gnupg/gpg.conf",),
    ),
    "MD5": Case(
        "signature.weak-digest",
        lambda keys: sign_mail(mail(), keys.ann, digest="MD5"),
        "The signature on your mail uses a digest that can be forged (MD5) (key {key}).",
        ("echo personal-digest-preferences SHA512 SHA256 >> ~/.gnupg/gpg.conf",),
    ),
    "too old": Case(
        "signature.too-old",
        lambda keys: sign_mail(mail(), keys.ann, at=NOW - timedelta(days=3)),
        f"Your mail was signed at {NOW - timedelta(days=3):%Y-%m-%d %H:%M} UTC, more than 48 hours before it arrived.",
        (SIGN,),
    ),
    "too new": Case(
        "signature.too-new",
        lambda keys: sign_mail(mail(), keys.ann, at=NOW + timedelta(days=3)),
        f"Your mail was signed at {NOW + timedelta(days=3):%Y-%m-%d %H:%M} UTC, which was still to come when it arrived.",
        ("date -u",),
    ),
    "altered": Case(
        "signature.altered",
        lambda keys: sign_mail(mail(), keys.ann).replace(b"left", b"right"),
        "The signature on your mail does not fit its content (key {key}): the mail was changed after it was signed",
        (SIGN,),
    ),
    "expired signature": Case(
        "signature.expired",
        lambda keys: signed_by(mail(), lambda part: expiring(keys.ann, part)),
        "The signature on your mail has expired (key {key})",
        ("gpg --default-sig-expire 0 --clearsign letter.txt",),
    ),
    "several signatures": Case(
        "signature.several",
        lambda keys: signed_by(mail(), lambda part: keys.ann.sign_detached(part) + keys.bob.sign_detached(part)),
        "Your mail has more than one signature, and it cannot be told which one counts.",
        ("gpg --local-user YOUR-ADDRESS --clearsign letter.txt",),
    ),
    "not signed": Case(
        "not-strong-enough",
        lambda keys: mail(to=VAULT),
        "This address takes only mail whose sender is proven, and your mail is not signed.",
        (SIGN,),
    ),
    "signed in part": Case(
        "not-strong-enough",
        lambda keys: sign_mail(mail(to=VAULT), keys.ann) + b"Regards\r\n",
        "This address takes only mail whose sender is proven, and only a part of your mail is signed.",
        (SIGN,),
    ),
    "somebody else's key": Case(
        "not-strong-enough",
        lambda keys: sign_mail(mail(to=VAULT), keys.bob),
        "and your mail is signed with a key that is registered for somebody else.",
        ("gpg --armor --export YOUR-ADDRESS > key.asc",),
    ),
}
SIGNERS = {"expired key": "dan", "revoked key": "gus", "unknown key": "nobody"}
every_case = pytest.mark.parametrize("name", CASES)


def told_text(delivered: Delivered) -> str:
    """The text of the one mail that goes out, as a mail program shows it."""
    (sent,) = delivered.sent
    text, original = message_from_bytes(sent.raw).get_payload()
    assert original.get_content_type() == "message/rfc822"
    return text.get_payload(decode=True).decode().replace("\r\n", "\n")


def commands_in(text: str) -> list[str]:
    """What stands on lines of its own to be pasted."""
    return [line.strip() for line in text.splitlines() if line.startswith("    ")]


@dataclass(frozen=True)
class Shell:
    """A user's shell."""

    home: Path

    def paste(self, text: str) -> None:
        """Run the commands of an error mail, as they stand there."""
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["sh", "-ec", text], cwd=self.home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr

    def write(self, text: str) -> None:
        """Write the letter."""
        (self.home / "letter.txt.asc").unlink(missing_ok=True)
        (self.home / "letter.txt").write_text(text)

    def letter(self, to: str, sender: str) -> bytes:
        """The mail whose whole text is the signed letter."""
        return mail(sender, to, (self.home / "letter.txt.asc").read_text().replace("\n", "\r\n"))


Sit = Callable[[SigningKey], Shell]


@pytest.fixture
def desk_of() -> Iterator[Sit]:
    """A folder and a HOME of one's own, in which a user pastes commands; the key itself is a copy."""
    homes: list[Path] = []

    def sit_down(key: SigningKey) -> Shell:
        home = Path(tempfile.mkdtemp(prefix="h"))  # short, for the agent's socket
        homes.append(home)
        ignored = shutil.ignore_patterns("S.*", "*.lock", ".#*")
        shutil.copytree(key.home, home / ".gnupg", ignore=ignored)
        return Shell(home)

    yield sit_down
    for home in homes:
        gnupg = home / ".gnupg"
        subprocess.run(["gpgconf", "--homedir", str(gnupg), "--kill", "all"], capture_output=True, check=False, timeout=60)
        shutil.rmtree(home)


# As the sender gets it -------------------------------------------------------------------------------------------------


@every_case
def test_each_refusal_says_what_was_found_and_what_mends_it(name: str, office: PostOffice, keys: Keys) -> None:
    """The key, the digest or the time stands first, then whole lines to be pasted; nothing is wider than a terminal."""
    case, key = CASES[name], getattr(keys, SIGNERS.get(name, "ann")).fingerprint
    delivered = office.deliver(case.make(keys))
    assert (delivered.disposition, delivered.rule, delivered.oops) == (Disposition.REJECTED, case.rule, None)
    text = told_text(delivered)
    assert case.found.format(key=key) in " ".join(text.split())
    assert commands_in(text) == [command.format(key=key) for command in case.commands]
    assert max(map(len, text.splitlines())) <= LONGEST_LINE
    assert "\n\n    " in text and "{" not in text
    assert " ".join(text.split()).count(FORGED) == 1


@every_case
def test_each_refusal_is_one_line_for_the_operator(name: str, office: PostOffice, keys: Keys) -> None:
    """In the ledger the same text is one printable line, which begins with what was found."""
    case, key = CASES[name], getattr(keys, SIGNERS.get(name, "ann")).fingerprint
    reason = office.deliver(case.make(keys)).reason
    assert case.found.format(key=key) in reason[:200]
    assert reason.isprintable()


def test_no_two_refusals_are_alike(office: PostOffice, keys: Keys) -> None:
    """Whoever reads one knows which it is; only the two weak digests share theirs."""
    texts = {office.deliver(case.make(keys)).reason.replace("MD5", "SHA-1") for case in CASES.values()}
    assert len(texts) == len(CASES) - 1


def test_a_key_is_extended_also_by_who_signs_with_a_subkey_without_fingerprint() -> None:
    """A short name is no fingerprint, which GnuPG wants for --quick-set-expire: then the text has the command that asks."""
    rule, remedy = REFUSALS[Finding.EXPIRED_KEY]
    assert commands_in(remedy.format(key="0046C21FF927ABE1", detail="")) == [
        "gpg --edit-key 0046C21FF927ABE1 expire save &&",
        "gpg --armor --export 0046C21FF927ABE1 > key.asc",
    ]
    assert rule == "signature.expired-key"


def test_an_expired_subkey_is_extended_with_its_primary_key(desk_of: Sit) -> None:
    """Where both fingerprints are known, the commands give both keys a later date."""
    made = NOW - YEAR
    with SigningKey.generate("Eve <eve@example.org>", expires="1d", at=made) as key:
        key.gpg("--passphrase", "", "--quick-add-key", key.fingerprint, "ed25519", "sign", "1d", at=made)
        subkey = re.findall("^fpr:+([0-9A-F]+):", key.gpg("--with-colons", "--list-keys").decode(), re.MULTILINE)[1]
        shell = desk_of(key)
    _, remedy = REFUSALS[Finding.EXPIRED_KEY]
    shell.paste("\n".join(commands_in(remedy.format(key=f"{key.fingerprint} {subkey} {subkey[-16:]}", detail=""))))
    shell.write("Hello\n")
    shell.paste(f"gpg --local-user {subkey}! --clearsign letter.txt && test -s key.asc")


@pytest.mark.parametrize("finding", REFUSALS)
def test_nothing_of_an_attacker_stands_in_a_text(finding: Finding) -> None:
    """Of what names the key and tells the detail only hex and the names of digests are taken."""
    evil = " (it names $(rm -rf ~); {0} <b>\x1b]52;c;eA==\x07\r\nBcc: all \u202e DEADBEEF 0123456789abcdef)"
    _, remedy = REFUSALS[finding]
    text = remedy.format(key=evil, detail=evil)
    assert text == remedy.format(key="", detail="")
    assert text.replace("\n", "").isprintable()
    assert "{" not in text


def test_the_texts_read_well_both_ways() -> None:
    """Each paragraph is one line, each command is indented, and several of them are joined so that one line runs them too."""
    fingerprint = "AE25A7C43BB4FFF1012C45C763ED53BBBC5BB62B"
    texts = [remedy.format(key=fingerprint, detail="SHA-1") for _, remedy in REFUSALS.values()]
    times = {"signed_at": NOW, "hours": 48.0}
    for text in (*texts, TOO_OLD.format(**times), TOO_NEW.format(**times), *MENDS.values()):
        blocks = text.split("\n\n")
        for block in blocks:
            lines = block.split("\n")
            assert len(lines) == 1 or all(line.startswith("    ") for line in lines)
            assert all(line.endswith(" &&") for line in lines[:-1])
            assert len(lines[0]) == len(lines[0].rstrip())
        assert len(one_line(text, 2000)) <= 700
        assert shlex.split(" ".join(commands_in(text))) or text == MENDS["unproven"]
    for text in MENDS.values():
        assert not text.split("\n\n")[-1].startswith(" ")  # a sentence follows


# To whom it goes -------------------------------------------------------------------------------------------------------


@every_case
def test_only_an_active_user_at_the_single_address_in_from_is_told(name: str, office: PostOffice, keys: Keys) -> None:
    """Not a stranger, not who has left, not one of two authors, not who is in Reply-To; nobody when a machine has sent it."""
    raw = CASES[name].make(keys)
    sender = re.match(rb"From: (\S+)\r\n", raw)
    assert sender is not None
    author, rest = sender[1], raw[sender.end() :]
    silent = {
        "a stranger": b"From: zoe@example.com\r\n",
        "a stranger under a user's name": b'From: "%b" <zoe@example.com>\r\n' % author,
        "who has left": b"From: ivy@example.org\r\n",
        "two addresses": b"From: %b, ivy@example.org\r\n" % author,
        "two fields": b"From: %b\r\nFrom: zoe@example.com\r\n" % author,
        "a machine": b"Return-Path: <>\r\nFrom: %b\r\n" % author,
        "an automatic answer": b"Auto-Submitted: auto-replied\r\nFrom: %b\r\n" % author,
    }
    for who, header in silent.items():
        assert office.deliver(header + rest).sent == (), who
    told = office.deliver(b"Reply-To: zoe@example.com\r\nSender: zoe@example.com\r\nFrom: Me <%b>\r\n" % author + rest)
    assert [(sent.to, sent.answer) for sent in told.sent] == [(author.decode(), True)]
    head = message_from_bytes(told.sent[0].raw)
    assert (head["To"], head["Auto-Submitted"], head["Cc"]) == (author.decode(), "auto-replied", None)
    assert "zoe@" not in told_text(told)


# The commands, pasted --------------------------------------------------------------------------------------------------


def pasted(delivered: Delivered) -> str:
    """The lines of the mail that are commands, with the sender's address where the text has a place for it."""
    return "\n".join(commands_in(told_text(delivered))).replace("YOUR-ADDRESS", delivered.sent[0].to)


@pytest.mark.parametrize(
    "name", ["too old", "altered", "expired signature", "several signatures", "not signed", "signed in part"]
)
def test_signing_as_the_text_says_mends_it(name: str, office: PostOffice, keys: Keys, desk_of: Sit) -> None:
    """The command makes a letter that is strong at the same address, also where gpg.conf limits signatures."""
    refused = office.deliver(CASES[name].make(keys))
    to = VAULT if CASES[name].rule == "not-strong-enough" else DESK
    shell = desk_of(keys.ann)
    (shell.home / ".gnupg/gpg.conf").write_text("default-sig-expire 1d\n" if name == "expired signature" else "")
    shell.write("Turn left.\n")
    shell.paste(pasted(refused))
    delivered = office.deliver(shell.letter(to, "ann"))
    assert (delivered.disposition, delivered.trust) == (Disposition.HANDLED, Trust.STRONG)


@pytest.mark.parametrize("joined", ["\n", " "], ids=["as lines", "as one line"])
def test_an_expired_key_is_extended_and_registered_anew(joined: str, office: PostOffice, keys: Keys, desk_of: Sit) -> None:
    """Both commands work as they stand, and what they write makes the next mail strong once it is imported."""
    shell = desk_of(keys.dan)
    shell.paste(pasted(office.deliver(CASES["expired key"].make(keys))).replace("\n", joined))
    register(office, "dan", (shell.home / "key.asc").read_bytes())
    shell.write("Hello\n")
    shell.paste(SIGN)
    assert office.deliver(shell.letter(DESK, "dan")).trust is Trust.STRONG


def test_an_unknown_key_is_registered(office: PostOffice, keys: Keys, desk_of: Sit) -> None:
    """What the command writes is the key that signed, and the same mail, sent again, is strong."""
    raw = CASES["unknown key"].make(keys)
    shell = desk_of(keys.nobody)
    shell.paste(pasted(office.deliver(raw)))
    register(office, "ann", (shell.home / "key.asc").read_bytes())
    assert office.deliver(b"X-Sent: again\r\n" + raw).trust is Trust.STRONG


@pytest.mark.parametrize("name", ["revoked key", "somebody else's key"])
def test_another_key_is_exported_by_address(name: str, office: PostOffice, keys: Keys, desk_of: Sit) -> None:
    """The file holds the key that bears the sender's address."""
    refused = office.deliver(CASES[name].make(keys))
    key = keys.gus if name == "revoked key" else keys.ann
    shell = desk_of(key)
    shell.paste(pasted(refused))
    assert [each.fingerprint for each in read_certificates((shell.home / "key.asc").read_bytes())] == [key.fingerprint]


def test_a_weak_digest_is_replaced_for_all_programs(office: PostOffice, keys: Keys, desk_of: Sit) -> None:
    """The line that the command adds overrules an older preference, and the next mail is strong."""
    shell = desk_of(keys.ann)
    (shell.home / ".gnupg/gpg.conf").write_text("personal-digest-preferences SHA1\n")
    shell.write("Hello\n")
    shell.paste(SIGN)
    refused = office.deliver(shell.letter(DESK, "ann"))
    assert refused.rule == "signature.weak-digest"
    shell.paste(pasted(refused))
    shell.write("Hello\n")
    shell.paste(SIGN)
    assert office.deliver(shell.letter(DESK, "ann")).trust is Trust.STRONG


KEY = "0046C21FF927ABE10046C21FF927ABE100000000"


@pytest.mark.parametrize(
    ("key", "detail", "text"),
    [
        ("", "", "d: an old one; w: too old"),
        (KEY, "", f"d: an old one; w: too old (key {KEY})"),
        (f"x {KEY} {KEY[-16:]}", "the digest is sha-1", f"d: SHA-1; w: its own signature uses SHA-1 (key {KEY})"),
        ("", "MD5, in the key's own signature", "d: MD5; w: its own signature uses MD5"),
        ("", "RSA with 1024 bits, fewer than 2048", "d: an old one; w: RSA with 1024 bits"),
    ],
)
def test_what_was_found_stands_in_the_text(key: str, detail: str, text: str) -> None:
    """The key, the digest and the weakness, or words in their place; without a command nothing follows."""
    assert Remedy("d: {digest}; w: {weakness}{key}").format(key=key, detail=detail) == text


def test_a_command_stands_below() -> None:
    """Behind a blank line, set in by four blanks."""
    assert Remedy("Do it:", ("gpg {name}", "ls")).format(key="", detail="") == "Do it:\n\n    gpg YOUR-ADDRESS &&\n    ls"
