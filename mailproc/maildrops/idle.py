"""Waiting at a folder until its server says that something has changed there (IDLE, RFC 2177).

What it says is not read for its meaning: who is woken asks again. A server that has no IDLE is given time.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from functools import partial
from typing import Literal

from imapclient import IMAPClient

from mailproc.maildrops.imap import ImapDrop

# A server may take us for gone after 30 minutes, and routers forget a silent connection much sooner.
LONGEST = 540.0

ANSWER = 20.0  # seconds that a server may take to end an IDLE; one that takes longer has gone without a word

# Seconds of silence before the kernel asks whether the other end is still there, and between its questions.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 3}


def rest(drop: ImapDrop, seconds: float) -> None:
    """Wait until something may have changed in the folder, ``seconds`` at most (and never longer than `LONGEST`).

    It is over at once when the server has said so along with its latest answer.

    Raises `Away` when the connection is lost or the server does not answer.
    """
    seconds = min(seconds, LONGEST)
    if drop.has_news():
        return
    if "IDLE" not in drop.capabilities() or not drop.ask(partial(_idle, seconds)):
        time.sleep(seconds)


def _idle(seconds: float, client: IMAPClient) -> bool:
    """Idle; False when the server does not let us, whatever it has promised."""
    connection = client.socket()
    _keep_alive(connection)
    began = _begin(client)
    if began == "refused":
        return False
    if began == "quiet" and not _has_spoken(client):
        readable = select.poll()  # select() cannot look at more than 1,024 descriptors
        readable.register(connection, select.POLLIN)
        readable.poll(seconds * 1000)
    timeout = connection.gettimeout()
    connection.settimeout(ANSWER)
    client.idle_done()  # reads until the command has ended, where idle_check() loses a line that comes in two segments
    connection.settimeout(timeout)
    return True


def _begin(client: IMAPClient) -> Literal["quiet", "changed", "refused"]:
    """Begin to idle; ``changed`` when the server told of something before it said so.

    `IMAPClient.idle` takes that for an error, and what it does is done here with the same parts of it and of imaplib.
    """
    imap = client._imap
    tag = client._idle_tag = imap._command("IDLE")
    began: Literal["quiet", "changed"] = "quiet"
    while imap._get_response() is not None:
        if imap.tagged_commands[tag]:
            imap.tagged_commands.pop(tag)
            return "refused"
        began = "changed"
    return began


def _has_spoken(client: IMAPClient) -> bool:
    """Whether something was read along with what came before: the socket is silent about what lies in our buffers.

    They are imaplib's, and it has no question for them.
    """
    imap, connection = client._imap, client.socket()
    if hasattr(imap, "_readbuf"):  # imaplib of Python 3.14
        return bool(imap._readbuf) or (isinstance(connection, ssl.SSLSocket) and connection.pending() > 0)
    timeout = connection.gettimeout()
    connection.setblocking(False)
    try:
        return bool(imap.file.peek(1))
    except ssl.SSLWantReadError:
        return False
    finally:
        connection.settimeout(timeout)


def _keep_alive(connection: socket.socket) -> None:
    """Have the kernel notice a peer that has gone without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
