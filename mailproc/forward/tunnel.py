"""`mailproc.forward:Tunnel`: a class that was written for emailtunnel forwards mail, as its user brings it along."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mailproc import Address, Delivery, Forward, Outcome, Rejected, Reply, Transient, Trust, handler
from mailproc.forward.emailtunnel import SMTPForwarder
from mailproc.forward.received import Hop
from mailproc.forward.resolver import InvalidRecipient
from mailproc.forward.roundtrip import parsed_and_written, survives_parsing
from mailproc.forward.tunnelled import Envelope, Message, Outgoing
from mailproc.reading import one_line

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_INSANE = 100  # mails that are kept; whoever looks at none of them needs no more

_NO_SUCH = "550 5.1.1 There is no such address: "
_REPLY = re.compile(r"([245][0-9]{2})[ -]?(?:([245]\.[0-9]{1,3}\.[0-9]{1,3}) )?(.*)", re.DOTALL)
_PROTOCOLS = {"smtp": "SMTP", "lmtp": "LMTP"}


@handler(requires=Trust.NONE)
@dataclass(frozen=True)
class Tunnel:
    """Gives each mail to ``relay``, ``module:Class``: it has the methods of emailtunnel's forwarder that it needs.

    It is made once, without arguments. With ``insane_dir``, a folder that is there, a mail that the standard library would not
    write again as it came is kept in there, in both forms, and goes on all the same. ``refuse_early`` has a door ask
    ``translate_recipient`` when the client names the recipient; several threads then call it at the same time.
    """

    relay: str
    insane_dir: Path | None = None
    refuse_early: bool = False

    def __post_init__(self) -> None:
        _class_named(self.relay)

    def accepts(self, address: Address, session: Session) -> bool:
        """Whether the class knows the address, where it is to be asked."""
        try:
            if self.refuse_early:
                self._forwarder.translate_recipient(str(address))
        except InvalidRecipient:
            return False
        return True

    def __call__(self, delivery: Delivery) -> Outcome:
        """Let the class handle it, tell the client its words, and send what it delivered."""
        if self.insane_dir is not None:
            _keep_insane(self.insane_dir, delivery)
        hop = Hop(delivery.recipient.domain or "localhost", delivery.id, _PROTOCOLS.get(delivery.entrance, ""))
        envelope = Envelope(Message(delivery.raw), delivery.reverse_path or "", [str(delivery.recipient)], hop)
        try:
            said = self._forwarder.handle_envelope(envelope, (delivery.entrance, 0))
            return _outcome(delivery, said, envelope.message.outgoing)
        except InvalidRecipient as error:
            return _outcome(delivery, _NO_SUCH + one_line(str(error), 300), [])
        except (Rejected, Transient):
            raise
        except Exception:
            self._tell(delivery, envelope)
            raise  # which makes an OOPS of it, and 451

    @cached_property
    def _forwarder(self) -> SMTPForwarder:
        found = _class_named(self.relay)
        if not issubclass(found, SMTPForwarder):
            found = type(found.__name__, (found, SMTPForwarder), {})
        forwarder: SMTPForwarder = found()
        return forwarder

    def _tell(self, delivery: Delivery, envelope: Envelope) -> None:
        """Call the hook for errors; what goes wrong in there is only logged."""
        try:
            self._forwarder.handle_error(envelope, delivery.raw.decode("latin-1"))
        except Exception as error:
            delivery.log.exception("handle_error of %s: %s", self.relay, one_line(repr(error)))


def _class_named(target: str) -> type:
    """The class ``module:Class``; raises ValueError, which names the key."""
    module, _, name = target.partition(":")
    if not name:
        raise ValueError("relay: must be module:Class, such as ourlists.mail:Forwarder")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        raise ValueError(f"relay: {target} does not import: {type(error).__name__}: {one_line(str(error))}") from error
    if not isinstance(found, type):
        raise ValueError(f"relay: {target} is no class")
    return found


def _outcome(delivery: Delivery, said: str | None, outgoing: list[Outgoing]) -> Outcome:
    """What the class has said; None and 2yz mean that it did its work. What is refused goes on to nobody."""
    reply = None if said is None else _reply(said)
    if reply is not None and reply.passing:
        return delivery.defer(f"what the forwarder waits for ({one_line(reply.text)})", reply=reply)
    if reply is not None and not reply.accepts:
        return delivery.reject(reply.text, reply=reply, dsn=reply.status.startswith("5.1."))
    if not outgoing:
        return replace(delivery.drop("it goes on to nobody"), reply=reply)
    sent = [_forward(delivery, each) for each in outgoing]
    served = sum(len(each.recipients) for each in sent)
    return replace(delivery.handled(f"sent on to {served} in {len(sent)} copies", send=sent), reply=reply)


def _forward(delivery: Delivery, mail: Outgoing) -> Forward:
    """A mail whose sender still hears of failures hears as well of whom our relay refuses."""
    its_senders = bool(mail.reverse_path) and mail.reverse_path == delivery.reverse_path
    return delivery.forward(mail.raw, mail.recipients, reverse_path=mail.reverse_path, tells_sender=its_senders)


def _reply(said: object) -> Reply:
    """The reply that the class wants its client to get; raises ValueError for what is none."""
    found = _REPLY.fullmatch(said.strip()) if isinstance(said, str) else None
    if found is None:
        raise ValueError(f"handle_envelope answers a reply such as '250 OK' or None, and not {one_line(repr(said), 100)}")
    return Reply(int(found[1]), found[2] or "", found[3])


def _keep_insane(folder: Path, delivery: Delivery) -> None:
    """Keep a mail that does not survive parsing, as it came and as it would be written; it goes on all the same."""
    if delivery.message.unparseable or survives_parsing(delivery.raw):
        return
    try:
        if sum(1 for _ in folder.glob("*.in")) >= MAX_INSANE:
            delivery.log.warning("%s is full: %d mails are in it; look at them, and remove them", folder, MAX_INSANE)
            return
        name = f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S.%f}"
        (folder / f"{name}.in").write_bytes(delivery.raw)
        (folder / f"{name}.out").write_bytes(parsed_and_written(delivery.raw) or b"")
        delivery.log.debug("a parser would write it in another way: %s", folder / name)
    except OSError as error:
        delivery.log.warning("%s: %s", folder, error.strerror)
