"""Mail that comes back to an address of ours: whose failure it is, and who is to hear of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from mailproc import Address, Delivery, Outcome, Reply
from mailproc.forward.bounces.dead import note_bounce
from mailproc.forward.bounces.diagnoses import diagnosis
from mailproc.forward.bounces.reports import Failed, is_ours, read_report
from mailproc.forward.bounces.reversepaths import BouncePath, ReversePaths, has_own_path
from mailproc.forward.checks import unsendable
from mailproc.forward.copying import Copying
from mailproc.forward.served import had_mail
from mailproc.reading import one_line

AUTOMATIC = frozenset({"bounce", "report", "auto-reply"})

_ONLY_BOUNCES = Reply(550, "5.7.1", "Only reports of mail that could not be delivered are taken here")


def is_automatic(delivery: Delivery) -> bool:
    """Whether it has the null reverse path, or screening took it for a bounce, a report or a responder's answer (RFC 3834).

    What a program wrote of its own accord, such as a reminder, is none of these.
    """
    return delivery.reverse_path == "" or delivery.verdict in AUTOMATIC


def take_back(delivery: Delivery, path: BouncePath, policy: ReversePaths, marks: Sequence[str], copying: Copying) -> Outcome:
    """Keep what a bounce says, or pass it on to the sender to whom its address leads.

    ``marks`` are the names by which a report about mail of ours is known where its address does not prove it. Mail that a
    person has written is refused: such an address is in nobody's address book. A path of SRS leads to whom its sender has
    named, perhaps a stranger: what is passed on there is a report, or has the null reverse path.
    """
    if path.objection:
        return delivery.drop(f"a bounce to an address that is not to be believed: {path.objection}")
    report = read_report(delivery.message, delivery.raw)
    if report is None and not is_automatic(delivery):
        return delivery.reject(_ONLY_BOUNCES.text, reply=_ONLY_BOUNCES)
    if path.kind == "srs" and path.address is not None:
        if report is None and delivery.reverse_path != "":
            return delivery.reject(_ONLY_BOUNCES.text, reply=_ONLY_BOUNCES)
        return _passed_on(delivery, path.address, copying)
    if report is None:
        return _without_report(delivery, path.address)
    if path.address is None and not is_ours(delivery.raw, marks):
        return delivery.handled("bounce: a report about mail that does not seem to be ours", report=True)
    return _noted(delivery, *_dead(delivery, path.address, report, policy))


def _passed_on(delivery: Delivery, sender: Address, copying: Copying) -> Outcome:
    """To whom the mail was from, with the null path: what cannot be delivered there is told to nobody."""
    unfit = unsendable(delivery.raw)
    if unfit is not None:
        return delivery.reject(unfit.text, reply=unfit)
    forward = delivery.forward(copying.unchanged(delivery, sender), [str(sender)], reverse_path="")
    return delivery.handled(f"bounce: passed on to {_shown(sender)}", send=[forward])


def _without_report(delivery: Delivery, whose: Address | None) -> Outcome:
    """An answer of a machine, such as that somebody is away, or a bounce of a system that writes no reports (RFC 3464)."""
    if delivery.verdict == "auto-reply":
        return delivery.drop("an automatic answer to mail that went on")
    about = f" about {_shown(whose)}" if whose else ""
    return delivery.handled(f"bounce{about} without a report: {one_line(delivery.message.subject, 100)}", report=True)


_Dead: TypeAlias = list[tuple[Address, Failed]]


def _dead(delivery: Delivery, whose: Address | None, told: Sequence[Failed], policy: ReversePaths) -> tuple[_Dead, _Dead]:
    """Who could not be reached for good: to whom the path belongs, whatever address the report names.

    Where the path does not say it, whom the report names; but only who has had mail from us, for anybody can write a report.
    The second are those whose own failures come to a path of their own, so that this report proves nothing about them.
    """
    failed = [each for each in told if each.action == "failed"]
    if whose is not None:
        return [(whose, each) for each in failed[:1]], []
    known = had_mail(delivery.session, (each.recipient.folded for each in failed), delivery.now)
    dead: _Dead = []
    doubtful: _Dead = []
    for each in failed:
        if each.recipient.folded in known:
            (doubtful if has_own_path(policy, str(each.recipient)) else dead).append((each.recipient, each))
    return dead, doubtful


def _noted(delivery: Delivery, dead: _Dead, doubtful: _Dead) -> Outcome:
    """Remember the dead, and tell of both; of a delay the ledger knows alone."""
    for address, failed in dead:
        note_bounce(delivery.session, address, failed.status, failed.diagnostic, delivery.now)
    told = [_told(each) for each in dead] + [f"{_told(each)} (not at the path of their own: not noted)" for each in doubtful]
    if not told:
        return delivery.handled("bounce: nobody of ours has failed for good")
    return delivery.handled(one_line(f"bounce: {'; '.join(told)}", 1000), report=True)


def _told(one: tuple[Address, Failed]) -> str:
    return f"{_shown(one[0])}: {diagnosis(one[1])}"


def _shown(address: Address) -> str:
    return one_line(str(address), 100)
