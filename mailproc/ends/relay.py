"""`relay`: mail is handed on to another mail server, and what that says is what the client is told."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mailproc import Delivery, Outcome, Reply, Trust, handler
from mailproc.ends.trace import below, received
from mailproc.errors import LoginRefused, SettingsError
from mailproc.replies import read_reply
from mailproc.screening.loops import MAX_RECEIVED
from mailproc.settings.passwords import first_given
from mailproc.settings.serving import HOSTNAME
from mailproc.settings.urls import read_smtp_url
from mailproc.submission import Relay, Submitted

_NEXT = "the next mail server"

# In seconds, for a single word of the next server: RFC 5321 section 4.5.3.2 would have us wait for minutes, but a message has
# only `limits.message_time`, and the client waits as well.
_PATIENCE = 120.0


@handler(requires=Trust.NONE, external=True)
@dataclass(frozen=True)
class Onward:
    """Hands each mail on, with its own reverse path, to its recipient at the mail server ``url``.

    ``url`` is written as that of ``[smtp]``; with a user name in it ``password_file`` is needed. Certificates are verified
    against ``ca_file``, or the system's authorities. ``helo`` is what we call ourselves, the name of this machine unless given.
    """

    url: str
    password_file: Path | None = None
    ca_file: Path | None = None
    helo: str = ""

    def __post_init__(self) -> None:
        if self.helo and not HOSTNAME.fullmatch(self.helo):
            raise ValueError("helo: must be a domain, such as mail.example.org")
        try:
            self._server(self._name)
        except SettingsError as error:
            raise ValueError(str(error)) from None

    def __call__(self, delivery: Delivery) -> Outcome:
        """Hand it on; a mail is handled only when the next server has said so (RFC 5321 section 4.2.5)."""
        hops = len(delivery.message.header.all("Received"))
        if hops > MAX_RECEIVED:
            text = f"The mail goes in circles: it has {hops} Received fields."
            return delivery.reject(text, reply=Reply(554, "5.4.6", text))
        try:
            submitted = self._submit(delivery)
        except (LoginRefused, SettingsError) as error:
            delivery.log.error("%s", error)
            return delivery.defer(_NEXT)
        return _outcome(delivery, submitted)

    def _submit(self, delivery: Delivery) -> Submitted:
        raw = below(delivery)
        if b"\r" not in raw:  # a mail that did not come by SMTP, and whose lines end as those of a file
            raw = raw.replace(b"\n", b"\r\n")
        name = self._name
        top = "".join(f"{line}\r\n" for line in received(delivery, name, datetime.now(UTC)))
        server = self._server(name)
        try:
            # An unknown reverse path is handed on as the null path: a failure is told to nobody rather than to anybody.
            (submitted,) = server.send(delivery.reverse_path or "", [str(delivery.recipient)], top.encode("ascii") + raw)
        finally:
            server.close()
        return submitted

    def _server(self, name: str) -> Relay:
        """The next server, not connected, to which we are ``name``; raises `SettingsError` and ValueError for options that
        cannot be used.
        """
        url = read_smtp_url(self.url)
        password = first_given("password", None, self.password_file) if url.username else None
        if url.username and password is None:
            raise SettingsError("password_file: is missing; give it, or no user name in url")
        return Relay(
            url.host,
            url.port,
            security=url.security,
            username=url.username,
            login=password,
            timeout=_PATIENCE,
            ca_file=str(self.ca_file) if self.ca_file else None,
            local_hostname=name,
        )

    @property
    def _name(self) -> str:
        name = self.helo or socket.getfqdn()
        return name if HOSTNAME.fullmatch(name) else "localhost"


def _outcome(delivery: Delivery, submitted: Submitted) -> Outcome:
    """The end that the words of the next server mean; words of ours about it are for the log, for they name it."""
    told = _told(submitted.reply)
    if submitted.kind == "sent":
        return delivery.handled(f"relayed: {submitted.reply}")
    if submitted.kind == "refused":
        reply = told or Reply(554, submitted.status, submitted.reply)
        return delivery.reject(f"It could not be delivered: {submitted.reply}", reply=reply)
    if told is None:
        delivery.log.warning("%s", submitted.reply)
        return delivery.defer(_NEXT, reply=Reply(451, "4.4.1", "The next mail server is out of reach; try again later"))
    return delivery.defer(f"{_NEXT} ({submitted.reply})", reply=told)


def _told(reply: str) -> Reply | None:
    """The next server's reply, None where it gave none. A 421 is about its connection and not about our client's."""
    try:
        told = read_reply(reply)
    except ValueError:
        return None
    return Reply(451, told.status, told.text) if told.code == 421 else told
