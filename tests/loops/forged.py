"""Mail that must not be answered: of forged senders, of machines, of those who are known and not written to (class B59).

Each kind is a function from a seeded generator to a mail. Ann is an active user, Gone an inactive one; nobody else is known.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from mailproc.testing import SigningKey, make_mail
from tests.loops.handlers import WAYS
from tests.loops.houses import MAX_SIZE, House

ANN = "ann@example.com"
GONE = "gone@example.com"
MIXED = "list@example.com"  # a user as well, who writes as no single person

Rng = random.Random


@dataclass(frozen=True, slots=True)
class Forged:
    """A mail: the recipient and the reverse path of its envelope (None: its MTA wrote none), its header and body."""

    kind: str
    recipient: str
    reverse_path: str | None
    raw: bytes

    @property
    def delivered(self) -> bytes:
        """As it stands in the maildrop."""
        path = b"" if self.reverse_path is None else f"Return-Path: <{self.reverse_path}>\r\n".encode()
        return path + f"Delivered-To: {self.recipient}\r\n".encode() + self.raw


def victim(rng: Rng) -> str:
    """Somebody who has nothing to do with us."""
    local = rng.choice(("victim", "boss", "postmaster", "MAILER-DAEMON", "root", "ann", "v.ictim+x"))
    return f"{local}{rng.randrange(1000)}@{rng.choice(('victim.example', 'example.net', 'example.com', 'mail.example.org'))}"


def mail(rng: Rng, sender: str, *extra: str, body: str = "Please answer.\r\n") -> bytes:
    """A mail with this From, and further fields; each is another mail."""
    fields = [f"From: {sender}", "To: book@a.example", f"Subject: number {rng.randrange(10**9)}", *extra]
    if not any(field.lower().startswith("message-id:") for field in extra):
        fields.append(f"Message-ID: <{rng.randrange(10**12)}@example.com>")
    rng.shuffle(fields)
    return "\r\n".join([*fields, "", body]).encode()


# Nobody's address ------------------------------------------------------------------------------------------------------------


def unknown(rng: Rng) -> bytes:
    """A stranger's address, perhaps with a user's in every other place."""
    more = [f"{name}: {rng.choice((ANN, victim(rng)))}" for name in ("Reply-To", "Sender", "Errors-To", "Resent-From", "Cc")]
    return mail(rng, f"{rng.choice(('', 'Ann ', f'{ANN} '.join(chr(34) * 2) + ' '))}<{victim(rng)}>", *rng.sample(more, 2))


def looks_like(rng: Rng) -> bytes:
    """An address that resembles a user's."""
    return mail(
        rng,
        rng.choice(
            (
                "ann@example.com.victim.example",
                "ann%example.com@victim.example",
                "victim.example!ann@example.com",
                "@victim.example:ann@example.com",
                "ann@xn--exmple-cua.com",
                "\u0430nn@example.com",
                "ann@example.com (victim@victim.example",
                "ann@example.com\0@victim.example",
                '"ann@example.com"@victim.example',
                '"ann@example.com" <victim@victim.example>',
                "=?utf-8?q?ann=40example=2Ecom?=",
                "=?utf-8?q?ann=40example=2Ecom?= <victim@victim.example>",
            )
        ),
    )


# A user among others ---------------------------------------------------------------------------------------------------------


def several_from(rng: Rng) -> bytes:
    """Two From fields, one of them a user's."""
    return mail(rng, ANN, f"{rng.choice(('From', 'FROM', 'from'))}: {victim(rng)}")


def several_authors(rng: Rng) -> bytes:
    """Several addresses in one From."""
    both = [ANN, victim(rng)]
    rng.shuffle(both)
    return mail(rng, rng.choice((", ", ",", ",,", " , ")).join(both))


def group(rng: Rng) -> bytes:
    """A group, full or empty."""
    return mail(rng, rng.choice((f"users: {ANN};", f"users: {ANN}, {victim(rng)};", "undisclosed-recipients:;", f"a:;, {ANN}")))


def no_author(rng: Rng) -> bytes:
    """Nobody at all, in From or instead of it."""
    raw = mail(rng, rng.choice(("", "Ann", "<>", "ann", "ann@", "@example.com", f"<{ANN}> {victim(rng)}")))
    return raw if rng.random() < 0.6 else raw.replace(b"From:", rng.choice((b"X-From:", b"Sender:", b"From :x :")))


# Those who are known, and not written to -------------------------------------------------------------------------------------


def inactive(rng: Rng) -> bytes:
    """A user who is no longer active."""
    return mail(rng, rng.choice((GONE, GONE.upper(), f"Gone <{GONE}>")))


def ourselves(rng: Rng) -> bytes:
    """Our own address, which somebody has registered as a user's."""
    return mail(rng, rng.choice(("robot@a.example", "Robot <ROBOT@a.example>", "robot+tag@a.example")))


def our_own_mail(rng: Rng) -> bytes:
    """Mail of ours, come back in a user's name."""
    mark = rng.choice(("X-Loop: mailproc/a.example", f"Message-ID: <mailproc.{rng.randrange(10**9):032x}@a.example>"))
    return mail(rng, ANN, mark)


def silence(rng: Rng) -> bytes:
    """A user's program that asks for no answers of programs."""
    return mail(rng, ANN, f"X-Auto-Response-Suppress: {rng.choice(('All', 'AutoReply', 'DR, AutoReply', 'OOF,all'))}")


# Machines --------------------------------------------------------------------------------------------------------------------


def automatic(rng: Rng) -> bytes:
    """A program that writes in a user's name."""
    return mail(
        rng,
        ANN,
        rng.choice(
            (
                "Auto-Submitted: auto-replied",
                "Auto-Submitted: auto-replied (vacation); owner-email=ann@example.com",
                "Auto-Submitted: auto-generated",
                "auto-submitted: AUTO-notified",
                "Precedence: bulk",
                "Precedence: auto_reply",
                "Precedence: junk",
                "X-Autoreply: yes",
                "X-Autorespond: holidays",
                "List-Id: <list.example.com>",
                "List-Post: <mailto:list@example.com>",
                "List-Unsubscribe: <mailto:leave@example.com>",
                "Feedback-ID: 1:2:3:example",
                "\r\n".join(f"Received: from x{number}" for number in range(51)),
            )
        ),
    )


def bounce(rng: Rng) -> bytes:
    """A delivery status notification that quotes a user's mail, or claims to be the user's own."""
    report = "Content-Type: multipart/report; report-type=delivery-status; boundary=b"
    body = (
        "--b\r\n\r\nYour mail could not be delivered.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; x@example.net\r\nAction: failed\r\n"
        f"Status: 5.1.1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: {ANN}\r\n\r\nPlease answer.\r\n--b--\r\n"
    )
    return mail(
        rng, rng.choice((ANN, "MAILER-DAEMON@mx.example.net", f"Mail Delivery System <{victim(rng)}>")), report, body=body
    )


def receipt(rng: Rng) -> bytes:
    """A read receipt, or a complaint, in a user's name."""
    kind = rng.choice(("disposition-notification", "feedback-report", "tlsrpt", "delivery-status", "anything"))
    return mail(rng, ANN, f"Content-Type: multipart/report; report-type={kind}; boundary=b", body="--b\r\n\r\nx\r\n--b--\r\n")


def unreadable(rng: Rng) -> bytes:
    """A mail that is nested too deep to be read."""
    body = "".join(f"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n" for n in range(60))
    return mail(rng, rng.choice((ANN, victim(rng))), "Content-Type: multipart/mixed; boundary=b0", body=body)


@cache
def _altered() -> bytes:
    """A mail of Ann's that was changed after it was signed, with a key that nobody knows."""
    with SigningKey.generate(f"Ann <{ANN}>") as key:
        return make_mail(sender="FORGED", to="book@a.example", text="Turn left.\n", key=key).replace(b"left", b"right")


def bad_signature(rng: Rng) -> bytes:
    """A broken signature over a forged mail: nobody is told what is wrong with it."""
    sender = rng.choice((victim(rng), GONE, "robot@a.example", f"{ANN}, {victim(rng)}"))
    return f"X-Number: {rng.randrange(10**9)}\r\n".encode() + _altered().replace(b"FORGED", sender.encode())


KINDS: tuple[Callable[[Rng], bytes], ...] = (
    unknown,
    looks_like,
    several_from,
    several_authors,
    group,
    no_author,
    inactive,
    ourselves,
    our_own_mail,
    silence,
    automatic,
    bounce,
    receipt,
    unreadable,
    bad_signature,
)


def forge(number: int) -> Forged:
    """The mail of this number: each kind by turns, for a handler that answers in each way, or for nobody, or too big."""
    rng = random.Random(number)
    kind = KINDS[number % len(KINDS)]
    raw = kind(rng)
    if rng.random() < 0.1:
        raw += b"x" * MAX_SIZE
    path = rng.choice((None, None, None, "", ANN, victim(rng)))
    return Forged(kind.__name__, _recipient(rng), path, raw)


def from_ann_without_a_path(number: int) -> Forged:
    """A mail of an active user under the null reverse path."""
    rng = random.Random(number)
    return Forged("null-path", _recipient(rng), "", mail(rng, ANN))


def _recipient(rng: Rng) -> str:
    """One for whom the handler answers in some way, for machines too or not, or one whom nobody serves."""
    return rng.choice(
        [f"{way}@{domain}" for way in WAYS for domain in ("a.example", "all.a.example")] + ["book@unserved.example"]
    )


def forgeries(count: int) -> Iterator[Forged]:
    """So many mails, of every kind."""
    for number in range(count):
        yield from_ann_without_a_path(number) if number % 16 == 15 else forge(number)


def admit_those_who_are_known(house: House) -> None:
    """Register who is known beside Ann."""
    house.admit(GONE, active=False)
    for address in (house.address, f"robot+tag@{house.domain}"):
        house.admit(address)
