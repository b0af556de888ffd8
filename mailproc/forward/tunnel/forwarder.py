"""The forwarder that a class that was written for emailtunnel extends, with the methods that it knows.

It opens no connection: what it delivers goes out with the outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any

from mailproc import Rejected
from mailproc.forward.checks import too_big
from mailproc.forward.received import CIRCLES, circles, marked, received
from mailproc.forward.resolver import InvalidRecipient
from mailproc.forward.signed import signed_names
from mailproc.forward.tunnel.tunnelled import Envelope, Message, Outgoing, line
from mailproc.reading import read_header

_EXTRA = ("Sender", "List-Id", "List-Unsubscribe", "List-Help", "List-Subscribe")


class SMTPForwarder:
    """What a user's class extends and overrides; it may as well extend nothing, and have only the methods that it needs.

    A group, which `translate_recipient` may answer in place of an address, is any object: `get_group_recipients` says who is
    in it, and ``get_list_id_header(envelope, group)`` and its like what its copies have in their header.
    """

    my_hostname = ""  # what our Received says; the recipient's domain where it is empty
    max_my_hostname_count = 3

    def translate_recipient(self, rcptto: str) -> Iterable[Any]:
        """Who gets the mail for an address: a list of addresses or of groups; nobody, where it is empty.

        Raises `InvalidRecipient` for an address that there is not.
        """
        return [rcptto]

    def translate_subject(self, envelope: Envelope) -> Any:
        """Another subject, or None."""
        return None

    def get_envelope_mailfrom(self, envelope: Envelope, recipients: Any = None) -> str | None:
        """The reverse path with which it goes on; ``recipients`` is the group, where there is one."""
        return envelope.mailfrom

    def get_envelope_recipients(self, envelope: Envelope) -> list[Any]:
        """Who gets the mail, in the order of the fields that name them; raises `InvalidRecipient` with all that are wrong."""
        found: list[Any] = []
        invalid: list[str] = []
        for rcptto, _, _ in envelope.recipients():
            try:
                translated = [] if rcptto is None else self.translate_recipient(rcptto)
            except InvalidRecipient as error:
                invalid += error.reasons
                continue
            if isinstance(translated, str):
                raise ValueError("translate_recipient answers a list, and this is a text")
            found += translated
        if invalid:
            raise InvalidRecipient(invalid)
        return found

    def get_group_recipients(self, group: Any) -> Iterable[str]:
        """Who is in a group."""
        recipients: Iterable[str] = group.recipients
        return recipients

    def get_extra_headers(self, envelope: Envelope, group: Any) -> list[tuple[str, object]]:
        """The fields of a group's copies: what the methods ``get_sender_header`` and so on answer, where there are such."""
        methods = {name: getattr(self, f"get_{name.lower().replace('-', '_')}_header", None) for name in _EXTRA}
        values = {name: method(envelope, group) for name, method in methods.items() if method}
        return [(name, value) for name, value in values.items() if value is not None]

    def get_envelope_received(self, envelope: Envelope, peer: Any, recipients: Any = None) -> str | None:
        """The value of our Received field, None for no such field; it names a recipient only where there is just one."""
        if envelope.received is None:
            return None
        by = self.my_hostname or envelope.received.by
        return received(replace(envelope.received, by=by), envelope.rcpttos, envelope.now)

    def detect_mail_loop(self, envelope: Envelope) -> bool:
        """Whether we have sent it on before, or many others have."""
        header = read_header(envelope.message.as_bytes())
        if any(circles(header, rcptto) for rcptto in envelope.rcpttos):
            return True
        ours = [value for value in header.all("Received") if self.my_hostname and self.my_hostname in value]
        return len(ours) > self.max_my_hostname_count

    def handle_mail_loop(self, envelope: Envelope) -> None:
        """Called for a mail that circles, before it is refused."""

    def handle_invalid_recipient(self, envelope: Envelope, exn: InvalidRecipient) -> None:
        """Called for a mail to an address that there is not, before it is refused."""

    def handle_error(self, envelope: Envelope | None, str_data: str) -> None:
        """Called with the text of the mail when anything went wrong; ``sys.exc_info()`` says what."""

    def handle_envelope(self, envelope: Envelope, peer: Any) -> str | None:
        """Send a mail on; answers what the client is told, None for 250."""
        if self.detect_mail_loop(envelope):
            self.handle_mail_loop(envelope)
            return f"{CIRCLES[0]} {CIRCLES[1]} The mail goes in circles"
        try:
            recipients = [each for each in self.get_envelope_recipients(envelope) if each]
        except InvalidRecipient as error:
            self.handle_invalid_recipient(envelope, error)
            raise
        subject = self.translate_subject(envelope)
        if subject is not None:
            envelope.message.subject = subject
        if all(isinstance(each, str) for each in recipients):
            self._send(envelope, peer, sorted(set(recipients)))
        else:
            self._send_groups(envelope, peer, recipients)
        return None

    def forward(self, original_envelope: Envelope, message: Message, recipients: Sequence[str], sender: str | None) -> None:
        """Send a mail on; ``original_envelope`` is the one that came."""
        self.deliver(message, recipients, sender)

    def deliver(self, message: Message, recipients: Sequence[str], sender: str | None) -> None:
        """Have the mail go out to these recipients when the outcome is committed, without the Return-Path that it came with.

        Raises `Rejected` where the copies of it have more than 256 MiB together.
        """
        raw = message.mail.without("Return-Path").to_wire()  # RFC 5321 section 4.4
        refused = too_big(sum(len(each.raw) for each in message.outgoing) + len(raw))
        if refused is not None:
            raise Rejected(refused.text, reply=refused)
        message.outgoing.append(Outgoing(raw, tuple(recipients), sender or ""))

    def _send(self, envelope: Envelope, peer: Any, recipients: list[str]) -> None:
        if recipients:
            trace = self.get_envelope_received(envelope, peer)
            self._forward(envelope, envelope, recipients, self.get_envelope_mailfrom(envelope), trace)

    def _send_groups(self, envelope: Envelope, peer: Any, groups: Iterable[Any]) -> None:
        """A copy for each group; who is in several has the first one's."""
        served: set[str] = set()
        for group in groups:
            members = self.get_group_recipients(group)
            if isinstance(members, (str, bytes)):
                raise ValueError("get_group_recipients answers a list, and this is a text")
            recipients = sorted(set(members) - served)
            if not recipients:
                continue
            served.update(recipients)
            its_own = deepcopy(envelope)
            self._add_extra_headers(its_own, group)
            mailfrom = self.get_envelope_mailfrom(its_own, recipients=group)
            trace = self.get_envelope_received(its_own, peer, recipients=group)
            self._forward(envelope, its_own, recipients, mailfrom, trace)

    def _forward(
        self, original: Envelope, envelope: Envelope, recipients: list[str], mailfrom: str | None, trace: str | None
    ) -> None:
        message = copy(envelope.message)
        for rcptto in envelope.rcpttos:
            message.mail = marked(message.mail, line(rcptto))
        if trace is not None:
            message.add_received_line(trace)
        self.forward(original, message, recipients, mailfrom)

    def _add_extra_headers(self, envelope: Envelope, group: Any) -> None:
        """Add a group's fields, but for those that a signature covers, also by their absence (RFC 6376 section 5.4).

        A header that is too long to be read whole gets none: nobody knows what is signed in the rest of it.
        """
        if read_header(envelope.message.as_bytes()).cut:
            return
        signed = signed_names(envelope.message.mail)
        for name, value in self.get_extra_headers(envelope, group):
            if name.lower() not in signed:
                envelope.message.set_unique_header(name, value)
