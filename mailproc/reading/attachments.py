"""Files that come with a mail; their names are data, never paths."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from mailproc.reading.display import one_line

_MAX_OCTETS = 200  # file systems take 255, and a name may get a prefix or a number
_UNFIT = re.compile(r'[<>:"|?*`$\x00-\x1f\x7f\ufffd]')
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}\Z")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$?|conout\$?|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(?:\.|\Z)", re.IGNORECASE)


@dataclass(frozen=True)
class Attachment:
    """A file of a mail.

    ``name``       as the sender wrote it, decoded, or an empty string; data only, never to be used as a path
    ``safe_name``  a file name made of it for any file system; not unique
    ``type``       what the sender says it is, lower-case ``type/subtype``
    ``size``       octets, decoded
    ``content``    the octets, decoded and never opened
    """

    name: str
    safe_name: str
    type: str
    size: int
    content: bytes


def safe_name(name: str) -> str:
    """A name without folders, control, bidirectional or shell characters, at most 200 octets, never hidden or reserved."""
    last = re.split(r"[/\\]", name[-4096:])[-1]
    plain = one_line(unicodedata.normalize("NFC", _UNFIT.sub("_", last)), 4096)
    visible = plain.lstrip(" .-~").rstrip(" .")
    if _RESERVED.match(visible):
        visible = f"_{visible}"
    return _cut(visible) or "unnamed"


def _cut(name: str) -> str:
    if len(name.encode()) <= _MAX_OCTETS:
        return name
    found = _SUFFIX.search(name)
    suffix = found[0] if found else ""
    stem = name.removesuffix(suffix).encode()[: _MAX_OCTETS - len(suffix)]
    return stem.decode("utf-8", "ignore").rstrip(" .") + suffix
