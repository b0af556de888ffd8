"""`forward`: mail to a list or an alias goes on to whom it stands for."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from sqlalchemy.orm import Session

from mailproc import Address, Delivery, Forward, Outcome, Reply, Trust, handler
from mailproc.dkim.txt import Hurried, TextRecords
from mailproc.forward import options
from mailproc.forward.bounces.returned import is_automatic, take_back
from mailproc.forward.bounces.reversepaths import ReversePaths, bounced, reverse_paths
from mailproc.forward.changes import Arrived, FromPolicy
from mailproc.forward.checks import CHECKS, Candidate, objection, too_big, unsendable
from mailproc.forward.copying import Copying
from mailproc.forward.dmarc import strict
from mailproc.forward.expansion import Lists
from mailproc.forward.paths import is_address
from mailproc.forward.received import CIRCLES, circles
from mailproc.forward.resolver import Group, InvalidRecipient, Resolver
from mailproc.forward.served import claim, digest_of
from mailproc.reading import one_line, sole_author

_UNKNOWN = (550, "5.1.1")  # bad destination mailbox address (RFC 3463 section 3.2)
_CLOSED = (550, "5.7.2")  # mailing list expansion prohibited (RFC 3463 section 3.8)


@handler(requires=Trust.NONE)
@dataclass(frozen=True)
class Forwarder:
    """Sends mail on to the members of the list or alias that its address names, as it is but for a few fields of its header.

    ``resolver``          who knows the lists, ``module:attribute``; the tables of `mailproc list` unless given
    ``envelope_from``     the reverse path: "keep" the sender's, "fixed": ``bounces``, "srs": one of ours that leads back
    ``bounces``           the address to which failures are told, in a domain that this handler serves
    ``verp``              whether each recipient has a reverse path of its own below ``bounces``
    ``secret_file``       the key of "srs" and ``verp``
    ``srs_domain``        the domain of the paths of "srs", which this handler serves; that of ``bounces`` unless given
    ``from_policy``       From: "keep", "munge" it into the list's name, or "munge-if-dmarc-strict"
    ``list_help``, ``list_subscribe``, ``list_unsubscribe``  URLs with ``{list}`` for the name; a mail to the owner unless given
    ``one_click``         whether the ``https:`` URL of ``list_unsubscribe`` takes the POST of RFC 8058
    ``strip_html``        whether only plain text goes on; ``repair_references`` whether References that were cut are mended
    ``reject``            the names of checks (`mailproc.forward.checks`), in the order in which they are made
    ``arc_key_file``      with ``arc_selector`` and ``arc_domain``: who seals what goes on (RFC 8617)
    ``hostname``          what we call ourselves, the name of this machine unless given
    ``dns_server``        who is asked for policies of DMARC and keys of ARC, ``ADDRESS:PORT``; the system's unless given
    """

    resolver: str = ""
    envelope_from: Literal["keep", "fixed", "srs"] = "keep"
    bounces: str = ""
    verp: bool = False
    secret_file: Path | None = None
    srs_domain: str = ""
    from_policy: Literal["keep", "munge", "munge-if-dmarc-strict"] = "keep"
    list_help: tuple[str, ...] = ()
    list_subscribe: tuple[str, ...] = ()
    list_unsubscribe: tuple[str, ...] = ()
    one_click: bool = False
    strip_html: bool = False
    repair_references: bool = False
    reject: tuple[str, ...] = ()
    arc_key_file: Path | None = None
    arc_selector: str = ""
    arc_domain: str = ""
    hostname: str = ""
    dns_server: str = ""

    def __post_init__(self) -> None:
        unknown = [name for name in self.reject if name not in CHECKS]
        if unknown:
            raise ValueError(f"reject: there is no check {one_line(unknown[0], 80)}; there are: {', '.join(CHECKS)}")
        self._resolver, self._policy, self._copying, self._txt  # noqa: B018 - what cannot be used is said at the start

    @cached_property
    def _resolver(self) -> Resolver:
        return options.resolver_of(self.resolver)

    @cached_property
    def _policy(self) -> ReversePaths:
        bounces = options.address_of("bounces", self.bounces)
        domain = self.srs_domain or (bounces.domain if bounces else "")
        return ReversePaths(self.envelope_from, bounces, self.verp, options.secret_of(self.secret_file), domain)

    @cached_property
    def _txt(self) -> TextRecords:
        return options.records_of(self.dns_server)

    @cached_property
    def _name(self) -> str:
        return self.hostname or socket.getfqdn()

    @cached_property
    def _copying(self) -> Copying:
        return Copying(
            hostname=self._name,
            sender=self.bounces if self.envelope_from == "fixed" else "",
            help=self.list_help,
            subscribe=self.list_subscribe,
            unsubscribe=self.list_unsubscribe,
            one_click=self.one_click,
            from_policy=FromPolicy(self.from_policy),
            plain_text=self.strip_html,
            references=self.repair_references,
            seal=options.seal_of(self.arc_key_file, self.arc_selector, self.arc_domain, self._name),
        )

    def accepts(self, address: Address, session: Session) -> bool | Reply:
        """Whether the address stands for somebody, or takes bounces; a no tells every part of it that is wrong.

        Raises `Transient` where the source of the lists is away.
        """
        path = bounced(address, self._policy, datetime.now(UTC))
        if path is not None:
            return Reply(*_UNKNOWN, path.objection) if path.objection else True
        try:
            self._check(address, session)
        except InvalidRecipient as no:
            return no.reply or False
        return True

    def __call__(self, delivery: Delivery) -> Outcome:
        """Take back a bounce, refuse what is to be refused, and send everything else on."""
        path = bounced(delivery.recipient, self._policy, delivery.now)
        if path is not None:
            return take_back(delivery, path, self._policy, self._marks(delivery.recipient.domain), self._copying)
        txt = Hurried(self._txt)  # the write transaction is open, and others wait for it
        refused = self._objection(delivery, txt)
        if refused is not None:
            return _refused(delivery, refused)
        return self._sent_on(delivery, self._groups(delivery.recipient, delivery.session), txt)

    def _marks(self, domain: str) -> tuple[str, ...]:
        """What only mail of ours has: our Received, where this machine has a name, and the List-Id of a list of the domain."""
        ours = () if self._name.partition(".")[0].lower() == "localhost" else (f"by {self._name} (mailproc)",)
        return (*ours, f".{domain}>")

    def _objection(self, delivery: Delivery, txt: TextRecords) -> Reply | None:
        """What the checks of the operator say, whether anybody could take the mail, and whether it goes in circles."""
        mail = Candidate(
            delivery.message,
            delivery.raw,
            delivery.reverse_path,
            delivery.recipient,
            lambda domain: strict(domain, txt),
        )
        return objection(self.reject, mail) or unsendable(delivery.raw) or _circles(delivery, str(delivery.recipient))

    def _check(self, address: Address, session: Session) -> None:
        """Raise what `_groups` raises; our own lists know it for less."""
        if isinstance(self._resolver, Lists):
            _refuse_unfit(address)
            self._resolver.check(address, session)
        else:
            self._groups(address, session)

    def _groups(self, address: Address, session: Session) -> Sequence[Group]:
        _refuse_unfit(address)
        groups = tuple(self._resolver.resolve(address, session))
        if not all(isinstance(each, Group) for each in groups):
            raise TypeError(f"{self.resolver} answers what are no Groups")
        return groups

    def _sent_on(self, delivery: Delivery, groups: Sequence[Group], txt: TextRecords) -> Outcome:
        """To the groups, of which no mailing list takes what a machine has answered or reported."""
        taking = [group for group in groups if group.recipients and not (group.is_list and is_automatic(delivery))]
        if not taking:
            automatic = any(group.recipients for group in groups)
            return delivery.drop("an automatic mail is not for a mailing list" if automatic else "the address reaches nobody")
        against = (_circles(delivery, str(each.address)) or _closed(delivery, each) for each in taking)
        refused = next(filter(None, against), None) or too_big(len(taking) * len(delivery.raw))
        if refused is not None:
            return _refused(delivery, refused)
        copies = list(self._copies(delivery, taking, txt))
        if not copies:
            return delivery.drop("everybody has had it by another address")
        return delivery.handled(_note(copies), send=[forward for copy in copies for forward in copy])

    def _copies(self, delivery: Delivery, groups: Sequence[Group], txt: TextRecords) -> Iterator[list[Forward]]:
        """What each group gets; who is in several is in the first, and who has had the mail before is in none."""
        arrived = Arrived.read(delivery.raw, delivery.message)
        digest = digest_of(arrived.mail) or delivery.id  # which no other delivery has: nobody is left out then
        everybody = [recipient for group in groups for recipient in group.recipients]
        left = set(claim(delivery.session, digest, everybody, delivery.now))
        for group in groups:
            spelt: dict[str, str] = {}
            for each in group.recipients:
                spelt.setdefault(each.lower(), each)
            recipients = [address for folded, address in spelt.items() if folded in left]
            left -= spelt.keys()
            if recipients:
                raw = self._copying.copy(delivery, arrived, group, recipients, txt)
                yield list(self._forwards(delivery, raw, recipients))

    def _forwards(self, delivery: Delivery, raw: bytes, recipients: Sequence[str]) -> Iterator[Forward]:
        tells = self.envelope_from != "fixed"
        for path, whose in reverse_paths(self._policy, delivery.reverse_path, recipients, delivery.now):
            yield delivery.forward(raw, whose, reverse_path=path, tells_sender=tells)


def _refuse_unfit(address: Address) -> None:
    if not is_address(str(address)):
        raise InvalidRecipient([f"{one_line(str(address), 80)} is no address here"])


def _circles(delivery: Delivery, address: str) -> Reply | None:
    why = circles(delivery.message.header, address)
    return Reply(*CIRCLES, why) if why else None


def _closed(delivery: Delivery, group: Group) -> Reply | None:
    """Why this sender may not write to the group."""
    if group.strong and delivery.sender.trust < Trust.STRONG:
        return Reply(*_CLOSED, f"Mail to {group.name} must be signed by who sends it")
    author = sole_author(delivery.message.header)
    if group.posters is None or (author is not None and author.folded in group.posters):
        return None
    return Reply(*_CLOSED, f"You may not write to {group.name} from this address")


def _refused(delivery: Delivery, reply: Reply) -> Outcome:
    return delivery.reject(reply.text, reply=reply)


def _note(copies: Sequence[Sequence[Forward]]) -> str:
    count = sum(len(forward.recipients) for copy in copies for forward in copy)
    return f"forwarded to {count}" if len(copies) == 1 else f"forwarded to {count} in {len(copies)} groups"
