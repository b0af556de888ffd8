"""Text of strangers made harmless for the people in a chat: it notifies nobody, hides nothing, and reads as before.

What a chat would act on gets a zero-width space (U+200B) inside. It is not seen, is taken for white space by none of the
programs that strip it, and needs no escape character, which chats show or not, each in its own way. The rules are those of
Zulip, Slack, Mattermost, Rocket.Chat, Discord and Matrix, and of CommonMark; they hold in code, too, because Slack and Matrix
look for mentions there.
"""

from __future__ import annotations

import re

from mailproc.gateway.characters import printable, printable_line
from mailproc.gateway.fences import closed

BREAK = "\u200b"

# In a link an invisible character would lead elsewhere, but an escaped one (RFC 3986 section 2.1) leads to the same.
_URL = re.compile(r"https?://[^\s<>]++", re.IGNORECASE)

# An address of mail: a letter before the sign, and behind it a domain, but none that begins as a group of a chat is called.
_ADDRESS = r"(?<=\w@)(?!(?:all|channel|everyone|here|room|stream|topic)\b)[\w-]{1,63}+\.\w"
_MENTION = re.compile(rf"@(?!{BREAK})(?!{_ADDRESS})", re.IGNORECASE)
_ENTITY = re.compile(r"&(?=(?:#0{0,8}64|#x0{0,8}40|commat)\b)", re.IGNORECASE)

# What begins with "<" is a tag (CommonMark 6.6) or a command (Slack, Discord), but for links and addresses.
_TAG = re.compile(
    r"<(?=[A-Za-z/!?@#&:$%|])(?!https?://[^\s<>|]*+>|mailto:[^\s<>|]*+>|\w[\w.!#$%&'*+/=?^`{}~-]{0,63}+@[\w.-]{1,255}+>)",
    re.IGNORECASE,
)

_SCHEME = r"(?:https?://|mailto:)"
_TARGET = rf"\({_SCHEME}(?:[^\s()<>\\]++|\([^\s()<>\\]*+\))*+\)"
_UNFIT_LINK = re.compile(rf"\](?=\()(?!{_TARGET})", re.IGNORECASE)
_LINK = re.compile(rf"\](?={_TARGET})", re.IGNORECASE)
_BRACKETS = re.compile(r"\](?=\()")
_DEFINITION = re.compile(rf"\](?=:)(?!:[ \t]*+\n?[ \t]*+{_SCHEME})", re.IGNORECASE)
_UNNAMED_IMAGE = re.compile(r"!\[\]\(")
_IMAGE = re.compile(r"!(?=\[)")
_COMMAND = re.compile(r"(\A\s*+)/(?=\w)")
_SHOWN_HOST = re.compile(r"(?:https?://|www\.)(?:[^\s/?#@]*@)?(?:www\.)?([^\s/?#:)]+)", re.IGNORECASE)
_SHOWN_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w[\w.-]*")
_LONGEST_LABEL = 300


def defused(text: str) -> str:
    """The text of a stranger as it may be posted, in Markdown; never raises, and changes nothing a second time.

    Nobody is notified: ``@`` is no mention, unless it is in an address of mail; ``<!channel>`` and other tags are text.
    Images are links, links lead to http, https and mailto alone and not elsewhere than they say, a command such as ``/me``
    is none, and a block of code ends where the text does.
    """
    return closed(_COMMAND.sub(rf"\g<1>{BREAK}/", _without_tricks(printable(text))))


def defused_line(text: str) -> str:
    """The same for a name or a subject: one line, in which nothing is a link by its brackets, nor code."""
    line = " ".join(_without_tricks(printable_line(text).replace("`", "'")).split())
    return _COMMAND.sub(rf"\g<1>{BREAK}/", _BRACKETS.sub(f"]{BREAK}", line))


def _without_tricks(text: str) -> str:
    text = _URL.sub(lambda url: _MENTION.sub("%40", url[0]), text)
    text = _ENTITY.sub(f"&{BREAK}", _MENTION.sub(f"@{BREAK}", text))
    text = _IMAGE.sub(f"!{BREAK}", _UNNAMED_IMAGE.sub("[image](", _TAG.sub(f"<{BREAK}", text)))
    return _LINK.sub(_link, _UNFIT_LINK.sub(f"]{BREAK}", _DEFINITION.sub(f"]{BREAK}", text)))


def _link(found: re.Match[str]) -> str:
    """The bracket between a label and its target, broken where the two disagree."""
    text, at = found.string, found.start()
    before = text[max(at - _LONGEST_LABEL, 0) : at].rpartition("](")[2]
    _, opened, label = before.partition("[")  # the first, since a label may hold brackets
    target = text[at + 2 : at + 2 + _LONGEST_LABEL]
    return f"]{BREAK}" if opened and _deceives(label, target.partition(")")[0]) else "]"


def _deceives(label: str, target: str) -> bool:
    """Whether a link says that it leads elsewhere: another host, or the address of somebody else."""
    shown, host = _SHOWN_HOST.search(label), _SHOWN_HOST.match(target)
    if shown is not None and (host is None or shown[1].lower() != host[1].lower()):
        return True
    address = _SHOWN_ADDRESS.search(label) if "@" in label else None
    return address is not None and address[0].lower() != target[len("mailto:") :].partition("?")[0].lower()
