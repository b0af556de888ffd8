"""Mail to the postmaster: every door takes it, and it is passed to the administrator (RFC 5321 section 4.5.1)."""

from __future__ import annotations

from dataclasses import dataclass

from mailproc.address import Address
from mailproc.delivery import Delivery
from mailproc.handler import Traits
from mailproc.outcome import Mail, Outcome
from mailproc.pipeline import Binding
from mailproc.principal import Trust
from mailproc.reading import one_line
from mailproc.recipients import POSTMASTER


@dataclass(frozen=True, slots=True)
class Postmaster:
    """Passes whole mails to ``admin``, whoever sent them: also what nobody else reads, such as bounces.

    Without an ``admin`` the log must do: it names the mail in the archive.
    """

    admin: Address | None

    def __call__(self, delivery: Delivery) -> Outcome:
        """The mail goes to the administrator as a part of one of ours, so that no word of it is taken for ours."""
        if self.admin is None:
            delivery.log.error("a mail for the postmaster, and without [smtp] nobody to pass it to: %s", delivery.archive_url)
            return delivery.handled("kept for the administrator")
        subject = f"Mail to postmaster: {one_line(delivery.message.subject, 200)}"
        mail = Mail(self.admin, subject, "This mail came for the postmaster.", encloses=True)
        return delivery.handled("passed to the administrator", send=[mail])


def bind_postmaster(admin: Address | None) -> Binding:
    """What serves the postmaster: nothing but a loop is dropped, and nobody has to prove who they are."""
    return Binding(POSTMASTER, Postmaster(admin), Traits(Trust.NONE), drop=("loop",), trust=())
