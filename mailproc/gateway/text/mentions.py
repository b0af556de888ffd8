"""Text of strangers made harmless for the people in a chat: it notifies nobody, hides nothing, and reads as before.

What a chat would act on gets a zero-width space (U+200B) inside. It is not seen, is taken for white space by none of the
programs that strip it, and needs no escape character, which chats show or not, each in its own way. The rules are those of
Zulip, Slack, Mattermost, Rocket.Chat, Discord and Matrix, and of CommonMark; they hold in code, too, because Slack and Matrix
look for mentions there.
"""

from __future__ import annotations

import re

from mailproc.gateway.text.characters import BREAK, printable, printable_line
from mailproc.gateway.text.fences import closed
from mailproc.gateway.text.links import honest

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

_BRACKETS = re.compile(r"\](?=\()")
_COMMAND = re.compile(r"(\A\s*+)/(?=\w)")


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
    return honest(_TAG.sub(f"<{BREAK}", text))
