"""A mail before it is written down, and all the ways to write it down that mean the same."""

from __future__ import annotations

import base64
import quopri
import random
from collections.abc import Sequence
from dataclasses import dataclass

# (language, charsets that can write it, subject, text)
TONGUES = (
    ("en", ("us-ascii", "utf-8"), "The printer on the third floor", "Hello, the printer does not print any more. Ann"),
    ("de", ("iso-8859-1", "utf-8"), "Größere Änderungen am Zähler", "Schöne Grüße, der Zähler läuft rückwärts."),
    ("fr", ("iso-8859-15", "utf-8"), "Été à Besançon", "Le numéro demandé n'a pas été trouvé, désolée."),
    ("pl", ("iso-8859-2", "utf-8"), "Zażółć gęślą jaźń", "Dzień dobry, drukarka znów nie działa."),
    ("ru", ("koi8-r", "windows-1251", "utf-8"), "Вопрос о принтере", "Здравствуйте, принтер больше не печатает."),
    ("ja", ("iso-2022-jp", "shift_jis", "utf-8"), "プリンタについて", "こんにちは。プリンタが動きません。"),
    ("zh", ("gb2312", "big5", "utf-8"), "打印机", "你好, 打印机不能用了。"),
)


@dataclass(frozen=True)
class Draft:
    """Header fields in an order that does not matter, a body with LF, and the line of an mbox, if any."""

    fields: tuple[tuple[str, str], ...]
    body: str
    postmark: str = ""


class Dice(random.Random):
    """A seeded random source that knows the small things of mail."""

    def word(self) -> str:
        """A few letters and digits."""
        return "".join(self.choices("abcdefghijkmnpqrstuvwxyz23456789", k=self.randint(5, 12)))

    def host(self) -> str:
        """A name of a host that does not exist."""
        return f"{self.choice(('mx', 'mail', 'relay', 'smtp-out'))}{self.randint(1, 9)}.{self.domain()}"

    def domain(self) -> str:
        """A domain for examples."""
        return self.choice(("example.org", "example.com", "example.net", "dept.example.org", "mail.example.net"))

    def person(self) -> str:
        """The address of somebody."""
        return f"{self.choice(('ann', 'bob.smith', 'zoe', 'j-p.martin', 'postmann', 'mailer', 'daemon.hill'))}@{self.domain()}"

    def author(self) -> str:
        """A person as From writes it."""
        address = self.person()
        return self.choice((address, f"<{address}>", f'"A. Person" <{address}>', f"Ann <{address}>", f"{address} (Ann)"))

    def path(self, *others: str | None) -> tuple[tuple[str, str], ...]:
        """A Return-Path field that is null, or one of the others; None is no field."""
        value = self.choice(("<>", "<>", "< >", "<> (null)", "(of the MTA) <>", *others))
        return () if value is None else (("Return-Path", value),)

    def path_of(self, address: str) -> tuple[tuple[str, str], ...]:
        """The reverse path of a person, where the MTA has written it down."""
        return self.choice(((("Return-Path", f"<{address}>"),), ()))

    def message_id(self) -> str:
        """An id that nobody else has."""
        return f"<{self.word()}.{self.word()}@{self.host()}>"


def mail(*fields: tuple[str, str] | Sequence[tuple[str, str]], body: str = "", postmark: str = "") -> Draft:
    """A draft of fields, each alone or several together."""
    flat: list[tuple[str, str]] = []
    for field in fields:
        flat += [field] if field and isinstance(field[0], str) else field  # type: ignore[list-item]
    return Draft(tuple(flat), body, postmark)


def subject(dice: Dice, text: str) -> tuple[str, str]:
    """A Subject; what is beyond ASCII is written in encoded words."""
    return "Subject", encoded_words(dice, text)


def encoded_words(dice: Dice, text: str) -> str:
    """The text as it may stand in a header."""
    if text.isascii() and dice.random() < 0.7:
        return text
    words = []
    for start in range(0, len(text), 12):
        octets = text[start : start + 12].encode()
        if dice.random() < 0.5:
            words.append(f"=?utf-8?B?{base64.b64encode(octets).decode()}?=")
        else:
            words.append("=?UTF-8?q?" + "".join(f"={octet:02X}" for octet in octets) + "?=")
    return " ".join(words)


def topic(dice: Dice) -> tuple[str, str]:
    """A subject that says nothing of the kind of the mail, in some language."""
    return subject(dice, dice.choice(TONGUES)[2])


def text_part(dice: Dice, text: str = "", subtype: str = "plain") -> tuple[tuple[tuple[str, str], ...], str]:
    """The fields and the body of a text, in one of the charsets and encodings that can write it."""
    language = dice.choice(TONGUES)
    charset = "utf-8" if text else dice.choice(language[1])
    octets = (text or language[3]).encode(charset)
    encoding = dice.choice(("8bit", "quoted-printable", "base64"))
    if encoding == "base64":
        body = base64.encodebytes(octets).decode()
    elif encoding == "quoted-printable":
        body = quopri.encodestring(octets).decode() + "\n"
    elif charset in ("utf-8", "us-ascii", "iso-2022-jp"):
        body = octets.decode("ascii" if charset == "iso-2022-jp" else "utf-8") + "\n"
    else:
        body, encoding = quopri.encodestring(octets).decode() + "\n", "quoted-printable"
    quote = dice.choice(("", '"'))
    value = f"text/{subtype}; charset={quote}{charset}{quote}"
    return (("Content-Type", value), ("Content-Transfer-Encoding", encoding)), body


def part(media_type: str, body: str, *fields: tuple[str, str]) -> str:
    """A part of a multipart: header, blank line, body."""
    head = "".join(f"{name}: {value}\n" for name, value in (("Content-Type", media_type), *fields))
    return f"{head}\n{body}"


def words_part(dice: Dice, text: str = "") -> str:
    """A part with a text."""
    fields, body = text_part(dice, text)
    return "".join(f"{name}: {value}\n" for name, value in fields) + f"\n{body}"


def multipart(dice: Dice, kind: str, *parts: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """The fields and the body of a multipart; ``kind`` may have parameters."""
    boundary = f"=_{dice.word()}/{dice.word()}"
    media_type, _, rest = kind.partition(";")
    given = [f'boundary="{boundary}"', *([rest.strip()] if rest else [])]
    dice.shuffle(given)
    shown = dice.choice((media_type, media_type.upper(), media_type.title()))
    body = dice.choice(("", "This is a message in MIME format.\n"))
    body += "".join(f"--{boundary}\n{each}\n" for each in parts) + f"--{boundary}--\n"
    return (("MIME-Version", "1.0"), ("Content-Type", "; ".join([shown, *given]))), body


def render(draft: Draft, dice: Dice) -> bytes:
    """The octets of a draft: field names in any case, fields in any order and folded anywhere, lines that end with either."""
    top = [field for field in draft.fields if field[0] == "Return-Path"]
    rest = [field for field in draft.fields if field[0] != "Return-Path"]
    dice.shuffle(rest)
    hops = [("Received", f"from {dice.host()} by {dice.host()} with ESMTP id {dice.word()}") for _ in range(dice.randint(0, 6))]
    lines = [_written(dice, *field) for field in (*top, *hops, *rest)]
    text = draft.postmark + "".join(lines) + "\n" + draft.body
    return (text.replace("\n", "\r\n") if dice.random() < 0.5 else text).encode()


def _written(dice: Dice, name: str, value: str) -> str:
    shown = dice.choice((name, name, name.lower(), name.upper()))
    pieces = value.split(" ")
    folded = pieces[0] + "".join(dice.choice((" ", " ", " ", "\n ", "\n\t")) + piece if piece else " " for piece in pieces[1:])
    return f"{shown}:{dice.choice((' ', ' ', '', '  '))}{folded}\n"
