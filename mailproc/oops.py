"""An OOPS: the record of a fault of ours, with a number that the sender can cite.

What is recorded is for the administrator, and may be shown on a page or printed on a terminal: it holds no local
variables, secrets are blacked out and control characters are shown as escapes. Making one never raises, because it is
what is left to do when everything else went wrong.
"""

from __future__ import annotations

import re
import secrets
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import CodeType, FrameType

from mailproc.principal import Principal
from mailproc.reading.display import one_line

LONGEST_TRACEBACK = 65_536  # characters; two thirds of it are kept from the end, where the fault is
LONGEST_LINE = 1_000  # characters of a line in it: an exception may carry a whole mail
LONGEST_EXCEPTION = 2_000  # characters
_LONGEST_VALUE = 998  # characters of any other field; what a line of a header may hold
_LOOK_AT = 262_144  # characters of a traceback that are looked at, so that redacting takes bounded time


@dataclass(frozen=True, slots=True)
class Oops:
    """The record of one fault; the fields are the columns of its table."""

    id: str
    signature: str
    exception: str
    traceback: str
    principal: str | None
    message_id: str | None
    recipient: str | None
    archive_url: str | None
    receipt_id: str | None
    created_at: datetime


def make_oops(
    error: BaseException | str,
    *,
    now: datetime,
    principal: Principal | None = None,
    message_id: str | None = None,
    recipient: str | None = None,
    archive_url: str | None = None,
    receipt_id: str | None = None,
) -> Oops:
    """The OOPS of ``error``, which is what was raised, or the reason in words when nothing was; never raises."""
    text = error if isinstance(error, str) else f"{_type_name(error)}: {_message_of(error)}"
    return Oops(
        id=new_id(now),
        signature=signature_of(error),
        exception=one_line(redact(text[:_LOOK_AT]), LONGEST_EXCEPTION),
        traceback="" if isinstance(error, str) else _traceback_of(error),
        principal=_described(principal) if principal else None,
        message_id=_bounded(message_id),
        recipient=_bounded(recipient),
        archive_url=_bounded(archive_url),
        receipt_id=receipt_id,
        created_at=now,
    )


# The id ---------------------------------------------------------------------------------------------------------------

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letter is taken for a digit over the telephone
_CLOCK_DIGITS = 9  # milliseconds since 1970, enough until the year 3084
_RANDOM_DIGITS = 5  # one of 33 million within a millisecond, on however many machines


def new_id(now: datetime) -> str:
    """A new id, such as ``OOPS-1KQ3F-7X2M-9ZT4C``: later ones sort behind earlier ones."""
    clock = _base32(max(int(now.timestamp() * 1000), 0), _CLOCK_DIGITS)
    digits = clock + _base32(secrets.randbelow(32**_RANDOM_DIGITS), _RANDOM_DIGITS)
    return f"OOPS-{digits[:5]}-{digits[5:9]}-{digits[9:]}"


def _base32(number: int, width: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(width)))


# The signature --------------------------------------------------------------------------------------------------------

# What mailproc itself calls: a fault that shows in there is named after the caller.
_OURS_TO_CALL = frozenset({"sqlalchemy", "imapclient", "gnupg", "alembic", "click", "msgspec", "psycopg", "quotequail"})
_STANDARD = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})


def signature_of(error: BaseException | str) -> str:
    """What equal faults have in common: the type, and the function of the innermost frame that is not library code.

    There is no line number in it, which would change with every edit of the file. Of a reason in words it is what stands
    before the first ``:`` or ``;``, without addresses. A handler that was installed as a package is no library, although
    it lives beside them: it is the package that mailproc called.
    """
    if isinstance(error, str):
        return one_line(re.sub(r"\S*@\S*", "...", re.split("[:;]", error[:_LOOK_AT], maxsplit=1)[0]))
    place = None
    application: set[str] = set()
    called_by_us = False
    for frame in _frames(error):
        package = _module(frame).partition(".")[0]
        if called_by_us and not _standard(frame.f_code) and package not in _OURS_TO_CALL:
            application.add(package)
        if package == "mailproc" or package in application or not _installed(frame.f_code):
            place = f"{_module(frame)}:{frame.f_code.co_qualname}"
        called_by_us = package == "mailproc"
    return one_line(f"{_type_name(error)} in {place}" if place else _type_name(error), 500)


def _frames(error: BaseException) -> Iterator[FrameType]:
    """The frames of the traceback, the innermost last."""
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame
        step = step.tb_next


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else "?"


def _standard(code: CodeType) -> bool:
    """Whether this is the standard library's, or made up by it at run time."""
    file = code.co_filename
    return file.startswith("<") or (file.startswith(_STANDARD) and not _in_packages(file))


def _installed(code: CodeType) -> bool:
    return _standard(code) or _in_packages(code.co_filename)


def _in_packages(file: str) -> bool:
    return "site-packages" in file or "dist-packages" in file


# The text -------------------------------------------------------------------------------------------------------------


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # also SystemExit: whoever wrote that __str__ wrote the handler that failed
        return "(its text cannot be had)"


def _traceback_of(error: BaseException) -> str:
    try:
        report = traceback.TracebackException.from_exception(error, capture_locals=False, compact=True)
        text = "".join(report.format())
    except BaseException:  # as above; a fault in telling of a fault must not hide it
        text = f"{_type_name(error)}: its traceback cannot be had\n"
    shown = redact(_middle_cut(text, _LOOK_AT))
    lines = (_visible(line)[:LONGEST_LINE] for line in shown.split("\n"))
    return _middle_cut("\n".join(lines), LONGEST_TRACEBACK)


def _middle_cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    mark = "\n... cut here ...\n"
    head = limit // 3
    return text[:head] + mark + text[len(text) - (limit - head - len(mark)) :]


def _visible(line: str) -> str:
    """The line with all that acts on a terminal, turns the direction of writing or has no width shown as an escape."""
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() or letter == "\t" else _escaped(letter) for letter in line)


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _described(principal: Principal) -> str:
    address = f" <{principal.address}>" if principal.address else ""
    return one_line(f"{principal.user or 'nobody'}{address}, {principal.trust} ({principal.method})", _LONGEST_VALUE)


def _bounded(value: str | None) -> str | None:
    return None if value is None else one_line(value, _LONGEST_VALUE)


# Every repetition is bounded: what is redacted may be hostile, and a search must not take the square of its length.
_KEYWORD = r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|(?:api|access|private|secret)[ _-]?key)s?"
_ARMOR = r"[A-Z0-9 ]{0,40}PRIVATE KEY[A-Z0-9 ]{0,40}-----"
_LONGEST_PATH = 256  # characters before a keyword that are looked at


def _unless_a_path(match: re.Match[str]) -> str:
    """The keyword without its value; ``/etc/imap.password: No such file`` is the name of a file, with what is wrong with it."""
    before = match.string[max(match.start() - _LONGEST_PATH, 0) : match.start()]
    word = re.split(r"\s", before)[-1]
    return match[0] if word.startswith("/") and match[1].endswith(": ") else f"{match[1]}***"


_REDACTIONS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), shown)
    for pattern, shown in (
        (rf"-----BEGIN {_ARMOR}.*?(?:-----END {_ARMOR}|\Z)", "[private key]"),
        (r"(://[^\s:/@'\"]{0,256}):[^\s'\"]{1,512}@", r"\1:***@"),
        (r"(authorization['\"]?\s{0,8}[:=])[^\n]{1,4096}", r"\1 ***"),
        (r"\b(bearer|basic|AUTH(?:ENTICATE)? \w{1,20}) {1,8}[A-Za-z0-9+/=._~-]{8,4096}", r"\1 ***"),
        (rf"({_KEYWORD}['\"]?\s{{0,8}}[:=]\s{{0,8}})(?:\"[^\"\n]*\"?|'[^'\n]*'?|[^\s,;&)\]}}]+)", _unless_a_path),
        (r"\b(?:gh[pousr]_\w{20,}|glpat-[\w-]{20,}|xox[a-z]-[\w-]{10,}|AKIA[0-9A-Z]{16})", "***"),
        (r"\beyJ[\w-]{8,512}\.[\w-]{1,4096}(?:\.[\w-]{0,4096})?", "***"),  # a JSON Web Token (RFC 7519)
        (r"\[parameters: [^\n]*", "[parameters: ***]"),  # SQLAlchemy prints what was to be stored: somebody's mail
    )
)


def redact(text: str) -> str:
    """``text`` without passwords, tokens, private keys and the values of database statements, as far as they show as such."""
    for pattern, shown in _REDACTIONS:
        text = pattern.sub(shown, text)
    return text
