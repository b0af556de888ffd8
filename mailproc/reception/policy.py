"""Whom a door takes mail for: asked at RCPT, so that nothing is taken in that nobody wants (RFC 5321 section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from mailproc.address import Address
from mailproc.database.engine import reading
from mailproc.errors import Rejected, Transient
from mailproc.handler import Accepts, accepts_of
from mailproc.pipeline import Binding, Site
from mailproc.reception.arriving import is_postmaster
from mailproc.recipients import POSTMASTER
from mailproc.reply import OK, Reply
from mailproc.smtpd import Caller

DENIED = Reply(550, "5.7.1", "Relaying denied")
UNKNOWN = Reply(550, "5.1.1", "No such address here")


@dataclass(frozen=True, slots=True)
class RecipientPolicy:
    """Whom we take mail for, and from whom for anybody: ``relay_from`` are networks, beside those who have logged in."""

    site: Site
    engine: Engine
    relay_from: Sequence[IPv4Network | IPv6Network] = ()

    def reply(self, recipient: str, *, may_relay: bool) -> Reply:
        """What the client is told of this recipient; may ask the database, and takes as long as the handler's answer does.

        ``may_relay`` says whether it may send to what only the pattern for all domains takes.
        Raises whatever a handler's ``accepts`` raises, except what that says on purpose.
        """
        if self.taken_for(recipient) == POSTMASTER:
            return OK
        address = Address.parse(recipient)
        binding = self._taker(address.domain, may_relay)
        if binding is None:
            return DENIED
        accepts = accepts_of(binding.handler)
        return OK if accepts is None else self._asked(accepts, address)

    def taken_for(self, recipient: str) -> str:
        """For whom a recipient's mail is taken: the postmaster is one and the same for every domain of ours."""
        address = Address.parse(recipient)
        ours = not address.domain or self._ours(address.domain)
        return POSTMASTER if ours and is_postmaster(address) else str(address)

    def asked(self, recipient: str, *, may_relay: bool) -> str | None:
        """The name of the handler whom `reply` has to ask about this recipient, None when it can tell by itself."""
        if self.taken_for(recipient) == POSTMASTER:
            return None
        binding = self._taker(Address.parse(recipient).domain, may_relay)
        return None if binding is None or accepts_of(binding.handler) is None else binding.name

    def _taker(self, domain: str, may_relay: bool) -> Binding | None:
        """Who takes mail for a domain, if we do."""
        return self.site.registry.get(domain) if domain and (may_relay or self._ours(domain)) else None

    def _ours(self, domain: str) -> bool:
        """Whether a domain is bound by more than the pattern for all: what only ``*`` takes is relayed."""
        return self.site.registry.get(domain, catch_all=False) is not None

    def may_relay(self, caller: Caller) -> bool:
        """Whether a client may send through us to anybody: it has logged in, or is near."""
        if caller.user is not None:
            return True
        return any(ip_address(caller.peer) in network for network in self.relay_from) if caller.peer else False

    def _asked(self, accepts: Accepts, address: Address) -> Reply:
        try:
            with reading(self.engine) as conn, Session(conn) as session:
                answer = accepts(address, session)
        except Rejected as no:
            return no.reply or Reply(550, "5.7.1", str(no))
        except Transient as not_now:
            return Reply(450, "4.7.1", str(not_now))
        if isinstance(answer, Reply):
            return answer
        return OK if answer else UNKNOWN
