"""What a person wrote in a reply: the text without the quoted mail and without the signature."""

from __future__ import annotations

import re

MAX_LINES = 5000
MAX_OCTETS = 256 * 1024

# The library's expressions take the cube of what these let through; lines that introduce a quote are far below.
_LONGEST_LINE = 240
_MOST_BRACKETS = 3
_MOST_HEADER_LINES = 300
_HEADER_LINE = re.compile(r"(?:> ?)?\*?[-\w ]+:")
_LONGEST_SIGNATURE = 10  # lines, with the one above it
_SENT_FROM = re.compile(
    r"(?:sent from|sent with|sent via|von meinem|gesendet von|envoy[ée] (?:de|depuis)|"
    r"enviado (?:de|desde)|inviato da|verstuurd vanaf|skickat fr[åa]n|"
    r"(?:\w+ )?outlook (?:for|für|pour|para|per|voor) (?:ios|android))\b.{0,80}",
    re.IGNORECASE,
)

# What stands above a quote where the library does not know the language. An address or a verb makes a line an attribution.
_WROTE = re.compile(
    r"wrote|writes|schrieb|a écrit|escribió|escreveu|ha scritto|schreef|skrev|kirjoitti|napisał|napsal|írta|"
    r"написал|пишет|写道|寫道",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\S*@\S*")
# A day, a year or a month, a time, an address, and no more than a verb behind it.
_DATED = re.compile(
    r"(?:\b[0-9]{1,4}\b.{0,20}?){2}\b[0-9]{1,2}[:.][0-9]{2}\b.{0,80}@[^\s<>]{1,80}[ >)]{1,3}(?:\w+ ?){0,3}[:：]?(?: ?-{2,})?\Z"
)
_KNOWN = (["On a day somebody wrote:"], ["On a day", "somebody wrote:"], ["On a day", "somebody wrote:", ""])
_RULE = re.compile(r"_{20,}|-{3,}|-{3,} ?[^-].{0,60}[^-] ?-{3,}")
FROM = re.compile(
    r"\*{0,2}(?:from|von|de|da|van|från|fra|od|lähettäjä|от|от кого|kimden|feladó|差出人|发件人|寄件者) ?[:：]", re.IGNORECASE
)
_SENT = re.compile(
    r"\*{0,2}(?:sent|gesendet|envoyé|enviad[oa](?: e[lm])?|inviato|verzonden|skickat|sendt|wysłano|odesláno|lähetetty|"
    r"отправлено|gönderildi|elküldve|送信日時|发送时间|傳送時間) ?[:：]",
    re.IGNORECASE,
)


def reply_text(text: str) -> str:
    """The text without quotes and signature, as far as that is certain; the whole text otherwise.

    It is never empty when the text is not. A reply with answers between the quoted lines keeps everything, because they
    make no sense alone; so does a text of more than 5,000 lines or 256 KiB. Commands are read from the whole text.
    """
    if _is_too_large(text):
        return text
    own = _without_signature(_without_quote(text.replace("\r\n", "\n"))).strip("\n").rstrip()
    return own if own.strip() else text


def without_quotes(text: str) -> str:
    """The text without quotes, as far as that is certain, and with its signature; empty where it was nothing else.

    What `reply_text` says of answers between quoted lines and of long texts holds here, too.
    """
    return text if _is_too_large(text) else _without_quote(text.replace("\r\n", "\n"))


def _is_too_large(text: str) -> bool:
    return len(text) > MAX_OCTETS or text.count("\n") > MAX_LINES or len(text.encode("utf-8", "replace")) > MAX_OCTETS


def _without_quote(text: str) -> str:
    from quotequail import unwrap  # it takes time to import, and few handlers ask

    lines = text.split("\n")
    tame = _translated(_tamed(lines))
    found = unwrap("\n".join(tame))
    if found is None:
        return text
    top = _count_through(tame, found.get("text_top", ""))
    below = found.get("text_bottom", "")
    bottom = lines[len(lines) - _count_back(tame, below) :] if below else []
    quoted = lines[top : len(lines) - len(bottom)]
    amid = bool(top) and any(line.strip() for line in bottom) and found["type"] == "quote"
    if amid or not _is_quote(quoted, found["type"]) or any(line.lstrip().startswith(">") for line in bottom):
        return text
    return "\n".join([*lines[:top], *([""] if top and bottom else []), *bottom])


def _tamed(lines: list[str]) -> list[str]:
    """As many lines, but none on which the library would take long: it is slow on long lines and on runs of header lines."""
    tame, header_lines = [], 0
    for line in lines:
        line = line.replace("\xa0", " ").replace("\u202f", " ")  # French sets one before its colons
        if len(line) > _LONGEST_LINE or line.count("<") > _MOST_BRACKETS or line.count("@") > _MOST_BRACKETS:
            line = ">" if line.startswith(">") else "text"
        if _HEADER_LINE.match(line):
            header_lines += 1
            if header_lines > _MOST_HEADER_LINES:
                line = line.replace(":", ",:", 1).removesuffix(":")
        tame.append(line)
    return tame


def _translated(lines: list[str]) -> list[str]:
    """As many lines, but what introduces a quote is in words that the library knows."""
    known = lines.copy()
    for n, line in enumerate(lines):
        below = next((other for other in lines[n + 1 : n + 3] if other.strip()), "")
        if _RULE.fullmatch(line.strip()) and FROM.match(below):
            known[n] = "-----Original Message-----"
        elif FROM.match(line) and n + 1 < len(lines) and _SENT.match(lines[n + 1]):
            known[n : n + 2] = ["From: somebody", "Sent: once"]
        elif (begin := _begin_of_attribution(lines, n, below.startswith(">"))) is not None:
            known[begin : n + 1] = _KNOWN[n - begin]
    return known


def _begin_of_attribution(lines: list[str], n: int, quoted: bool) -> int | None:
    """In which line the attribution begins that ends with line ``n``; None where none does.

    ``quoted``: whether marked lines follow. Where they do not, only what no person would write is an attribution.
    """
    line = lines[n].rstrip()
    if not line.endswith((":", "：", "wrote ----")) or (line.startswith(">") and line != ">:"):
        return None
    begin = _begin_when_wrapped(lines, n)
    if begin is None and line != ">:" and quoted and is_attribution(line):
        return n
    if begin is None:
        return None
    whole = " ".join(lines[begin : n + 1])
    return begin if (quoted and is_attribution(whole)) or (_starts_anew(lines, begin) and _DATED.search(whole)) else None


def _begin_when_wrapped(lines: list[str], n: int) -> int | None:
    """In which line the attribution begins that names its date, and may have been broken twice; None without a date."""
    for begin in range(n, max(n - 3, -1), -1):
        if not lines[begin].strip() or (begin < n and lines[begin].startswith(">")):
            return None
        if any(map(str.isdigit, _ADDRESS.sub("", lines[begin]))):
            if begin == n or _starts_anew(lines, begin) or lines[begin].rstrip().endswith("<"):
                return begin
            if not lines[begin - 1].rstrip().endswith(","):
                return None
    return None


def _starts_anew(lines: list[str], begin: int) -> bool:
    return begin == 0 or not lines[begin - 1].strip()


def is_attribution(line: str) -> bool:
    """Whether the line can only say whose the words below it are: a sentence of a person's may end with a colon, too."""
    return "@" in line or (_WROTE.search(line) is not None and any(map(str.isdigit, line)))


def _count_through(lines: list[str], top: str) -> int:
    """How many lines there are up to the end of ``top``, which begins at the first line that is not blank."""
    if not top:
        return 0
    blank = next(number for number, line in enumerate(lines) if line.strip())
    return blank + top.count("\n") + 1


def _count_back(lines: list[str], bottom: str) -> int:
    """How many lines there are from the start of ``bottom``, which ends at the last line that is not blank."""
    blank = next(number for number, line in enumerate(reversed(lines)) if line.strip())
    return blank + bottom.count("\n") + 1


def _is_quote(quoted: list[str], kind: str) -> bool:
    """Whether what was found is a quote beyond doubt: "On Monday I wrote:" alone may be a person's sentence."""
    if kind != "reply" or any(line.startswith(">") for line in quoted):
        return True
    introduction = " ".join([line for line in quoted if line.strip()][:2])
    return any(character.isdigit() or character == "@" for character in introduction)


def _without_signature(text: str) -> str:
    lines = text.split("\n")
    if "-- " in lines:  # the convention of RFC 3676 section 4.3
        lines = lines[: len(lines) - 1 - lines[::-1].index("-- ")]
    elif "--" in lines[-_LONGEST_SIGNATURE:]:  # HTML, and many a mailer on the way, loses the blank
        lines = lines[: len(lines) - 1 - lines[::-1].index("--")]
    while lines and (not lines[-1].strip() or _SENT_FROM.fullmatch(lines[-1].strip())):
        lines.pop()
    return "\n".join(lines)
