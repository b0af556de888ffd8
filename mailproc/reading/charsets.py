"""Character sets of mail: an allow-list, since Python's codecs also hold zlib, rot13 and other surprises."""

from __future__ import annotations

# What mail calls them -> what Python calls them. Latin-1 is read as its superset, as every mail reader does.
_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf-32": "utf-32",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "l1": "cp1252",
    "cp819": "cp1252",
    "iso-8859-6-i": "iso-8859-6",
    "iso-8859-6-e": "iso-8859-6",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "latin2": "iso-8859-2",
    "latin9": "iso-8859-15",
    "latin-9": "iso-8859-15",
    "windows-874": "cp874",
    "ansi-1252": "cp1252",
    "win-1251": "cp1251",
    "macintosh": "mac-roman",
    "mac": "mac-roman",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "cskoi8r": "koi8-r",
    "tis-620": "tis-620",
    "gb2312": "gb18030",
    "x-gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "gb18030": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "cp950",
    "big5-hkscs": "big5hkscs",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "euc-jp": "euc-jp",
    "x-euc-jp": "euc-jp",
    "iso-2022-jp": "iso-2022-jp-ext",
    "iso-2022-jp-1": "iso-2022-jp-1",
    "iso-2022-jp-2": "iso-2022-jp-2",
    "iso-2022-jp-3": "iso-2022-jp-3",
    "iso-2022-jp-2004": "iso-2022-jp-2004",
    "cp50220": "iso-2022-jp-ext",
    "iso-2022-kr": "iso-2022-kr",
    "euc-kr": "cp949",
    "ks-c-5601-1987": "cp949",
    "ksc5601": "cp949",
    "cp949": "cp949",
    "johab": "johab",
    **{f"iso-8859-{n}": f"iso-8859-{n}" for n in (*range(2, 12), 13, 14, 15, 16)},
    **{f"iso8859-{n}": f"iso-8859-{n}" for n in (*range(2, 12), 13, 14, 15, 16)},
    "iso8859-1": "cp1252",
    **{f"windows-{n}": f"cp{n}" for n in range(1250, 1259)},
    **{f"cp{n}": f"cp{n}" for n in range(1250, 1259)},
    **{f"{prefix}{n}": f"cp{n}" for prefix in ("cp", "ibm", "ibm-") for n in (437, 850, 852, 855, 858, 862, 864, 866)},
}

# They say nothing: the bytes are looked at instead.
_SILENT = {"", "us-ascii", "ascii", "ansi-x3.4-1968", "unknown", "x-unknown", "unknown-8bit", "8bit", "binary", "default"}


def codec_of(charset: str | None) -> str | None:
    """Python's name for the charset of a mail, or None when it is unknown or says nothing."""
    return _CODECS.get(_folded(charset))


def is_known(charset: str | None) -> bool:
    """Whether the charset is on the allow-list or is one of the names that say nothing."""
    return _folded(charset) in _CODECS or _folded(charset) in _SILENT


def decode_text(data: bytes, charset: str | None) -> str:
    """The text that the bytes stand for; what does not decode becomes U+FFFD.

    Without a charset that is known it is UTF-8 when all the bytes are, else Latin-1. UTF-7 is not known: it hides
    markup from filters (RFC 2152 section 'Security Considerations').
    """
    codec = codec_of(charset)
    if codec is not None:
        return data.decode(codec, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _folded(charset: str | None) -> str:
    return (charset or "")[:64].strip(" \t'\"").lower().replace("_", "-")
