"""`mailproc.forward:Tunnel`: a class that was written for emailtunnel forwards mail, as its user brings it along."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mailproc import Address, Delivery, Forward, Outcome, Rejected, Reply, Transient, Trust, handler
from mailproc.forward.checks import unsendable
from mailproc.forward.codes import read_reply
from mailproc.forward.options import imported
from mailproc.forward.paths import is_domain
from mailproc.forward.received import hop_of
from mailproc.forward.resolver import InvalidRecipient
from mailproc.forward.tunnel.forwarder import SMTPForwarder
from mailproc.forward.tunnel.roundtrip import parsed_and_written, survives_parsing
from mailproc.forward.tunnel.tunnelled import Envelope, Message, Outgoing
from mailproc.reading import one_line

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_INSANE = 100  # mails that are kept; whoever looks at none of them needs no more


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
        if self.insane_dir is not None and not self.insane_dir.is_dir():
            raise ValueError(f"insane_dir: {self.insane_dir} is no folder; make it, for the user of mailproc alone")

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
        unfit = unsendable(delivery.raw)
        if unfit is not None:
            return delivery.reject(unfit.text, reply=unfit)
        if self.insane_dir is not None:
            _keep_insane(self.insane_dir, delivery)
        domain = delivery.recipient.domain
        hop = hop_of(delivery, domain if is_domain(domain) else "localhost")
        message = Message(delivery.raw)
        envelope = Envelope(message, delivery.reverse_path or "", [str(delivery.recipient)], hop, delivery.now)
        try:
            said = self._forwarder.handle_envelope(envelope, (delivery.entrance, 0))
            return _outcome(delivery, said, envelope.message.outgoing)
        except InvalidRecipient as error:
            text = f"There is no such address: {one_line(str(error), 300)}"
            return delivery.reject(text, reply=Reply(550, "5.1.1", text), dsn=True)
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
    """The class ``module:Class``; raises ValueError, which names the option."""
    found = imported("relay", target)
    if not isinstance(found, type):
        raise ValueError(f"relay: {one_line(target)} is no class")
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
    note = f"sent on to {served}" if len(sent) == 1 else f"sent on to {served} in {len(sent)} copies"
    return replace(delivery.handled(note, send=sent), reply=reply)


def _forward(delivery: Delivery, mail: Outgoing) -> Forward:
    """A mail whose sender still hears of failures hears as well of whom our relay refuses."""
    its_senders = bool(mail.reverse_path) and mail.reverse_path == delivery.reverse_path
    return delivery.forward(mail.raw, mail.recipients, reverse_path=mail.reverse_path, tells_sender=its_senders)


def _reply(said: object) -> Reply:
    """The reply that the class wants its client to get; raises ValueError for what is none."""
    found = read_reply(said) if isinstance(said, str) else None
    if found is None:
        raise ValueError(f"handle_envelope answers a reply such as '250 OK' or None, and not {one_line(repr(said), 100)}")
    return found


def _keep_insane(folder: Path, delivery: Delivery) -> None:
    """Keep a mail that does not survive parsing, as it came and as it would be written; it goes on all the same."""
    if delivery.message.unparseable or survives_parsing(delivery.raw):
        return
    try:
        if sum(1 for _ in folder.glob("*.in")) >= MAX_INSANE:
            delivery.log.warning("%s is full: %d mails are in it; look at them, and remove them", folder, MAX_INSANE)
            return
        name = f"{delivery.now:%Y-%m-%d_%H-%M-%S.%f}-{delivery.id[:8]}"
        _write_private(folder / f"{name}.in", delivery.raw)
        _write_private(folder / f"{name}.out", parsed_and_written(delivery.raw) or b"")
        delivery.log.debug("a parser would write it in another way: %s", folder / name)
    except OSError as error:
        delivery.log.warning("%s: %s", folder, error.strerror)


def _write_private(file: Path, content: bytes) -> None:
    """A file for our user alone: it is somebody's mail. One of an earlier attempt is written over."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        os.fchmod(descriptor, 0o600)
        opened.write(content)
