"""What was changed in a mail on its way."""

from __future__ import annotations

from collections import Counter

from mailproc.rawmail import Field, RawMail


def differences(before: bytes, after: bytes) -> list[str]:
    """What was changed: ``NAME: added``, ``NAME: removed`` or ``NAME: changed`` (lower-case), in order, and ``body``.

    Line ends count as equal, a field as the same where all its bytes are.
    """
    old, new = RawMail.read(before), RawMail.read(after)
    lost, won = _names(_fields(old) - _fields(new)), _names(_fields(new) - _fields(old))
    found = [f"{name}: {_verb(lost[name], won[name])}" for name in sorted(lost | won)]
    moved = [] if found or list(_fields(old)) == list(_fields(new)) else ["order"]
    return [*found, *moved, *(["body"] if _ended(old.body) != _ended(new.body) else [])]


def _fields(mail: RawMail) -> Counter[Field]:
    return Counter(Field(field.name.lower(), _ended(field.raw).rstrip(b"\n")) for field in mail.fields)


def _names(fields: Counter[Field]) -> Counter[str]:
    return Counter(field.name for field in fields.elements())


def _ended(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _verb(lost: int, won: int) -> str:
    return "changed" if lost and won else "added" if won else "removed"
