"""A handler that does what the subject of the mail says: it writes, and then it misbehaves.

The subject is a name and a deed: ``7 kill`` writes the effect ``7`` and then kills its process. Without a deed it is
handled. Every call is also noted in the file ``calls``, which no rollback reaches, so that tests need not trust the
database.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from mailproc import Address, Delivery, Errand, Outcome, Rejected, Transient, handler
from mailproc.errors import Interrupted

effect = sa.Table(
    "effect",
    sa.MetaData(),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("recipient", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
)


@handler()
@dataclass(frozen=True)
class Deeds:
    """The handler; ``folder`` is where the file ``calls`` is, and the file ``go`` for which ``wait`` waits."""

    folder: Path

    def __call__(self, delivery: Delivery) -> Outcome:
        """Write the effect, then do what the subject says."""
        name, _, deed = delivery.message.subject.partition(" ")
        self._note(delivery.message.subject, delivery.attempt)
        delivery.session.execute(
            sa.insert(effect).values(name=name, recipient=str(delivery.recipient), attempt=delivery.attempt)
        )
        if not deed:
            return delivery.handled(f"wrote {name}")
        deed, _, argument = deed.partition(" ")
        return _DEEDS[deed](self, delivery, argument) or delivery.handled(f"wrote {name}, then: {deed}")

    def perform(self, errand: Errand) -> str:
        """Do what the intent says: note a step, write it down where no rollback reaches, and then misbehave."""
        name, deed = str(errand.payload["name"]), str(errand.payload["deed"])
        self._note(f"errand {name}{' again' if errand.uncertain else ''}", errand.attempt)
        errand.note("begun", name)
        if deed == "kill" or (deed == "killonce" and not errand.uncertain):
            os.kill(os.getpid(), signal.SIGKILL)
        if deed == "sleep":
            time.sleep(60)
        return f"did {name}"

    def calls(self, subject: str) -> int:
        """How often this subject was handled, this time included."""
        return sum(line.rpartition(" ")[0] == subject for line in (self.folder / "calls").read_text().splitlines())

    def _note(self, subject: str, attempt: int) -> None:
        with (self.folder / "calls").open("a") as file:
            file.write(f"{subject} {attempt}\n")


@dataclass(frozen=True)
class Discreet(Deeds):
    """The same, and its addresses are nobody's business."""

    def shown(self, address: Address) -> str:
        """Its domain alone."""
        return f"somebody at {address.domain}"


def _kill(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _killonce(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    if deeds.calls(delivery.message.subject) == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def _commit(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome | None:
    """Commit, and then do something else."""
    delivery.session.commit()
    return _DEEDS[argument](deeds, delivery, "") if argument else None


def _rollback(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    delivery.session.rollback()


def _raise(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    raise LookupError("a bug of the handler")


def _exit(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    sys.exit("a handler's own exit")


def _vanish(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    os._exit(0)


def _sql(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Run the rest of the subject as SQL."""
    delivery.session.execute(sa.text(argument))


def _swallow(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Run the rest of the subject as SQL and pass over its error."""
    with suppress(sa.exc.DBAPIError):
        delivery.session.execute(sa.text(argument))


def _sqlonce(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    if deeds.calls(delivery.message.subject) == 1:
        delivery.session.execute(sa.text(argument))


def _fail(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Fail on PostgreSQL as two transactions do that cannot both be right, the first time or always."""
    if argument == "always" or deeds.calls(delivery.message.subject) == 1:
        raised = "DO $$ BEGIN RAISE EXCEPTION 'could not serialize' USING ERRCODE = '40001'; END $$"
        delivery.session.execute(sa.text(raised))


def _connection(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """End the transaction around the session: ``commit``, ``rollback`` or ``close``."""
    getattr(delivery.session.connection(), argument)()


def _wait(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Wait until a test puts the file ``go`` there."""
    until = time.monotonic() + 30
    while not (deeds.folder / "go").exists() and time.monotonic() < until:
        time.sleep(0.01)


def _sleep(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    time.sleep(float(argument))


def _stubborn(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Take long, and swallow whatever is raised meanwhile."""
    until = time.monotonic() + float(argument)
    while time.monotonic() < until:
        try:
            time.sleep(0.1)
        except BaseException:  # that is its fault
            continue


def _grow(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Take memory until somebody ends it."""
    taken = []
    for _ in range(400):
        taken.append(bytearray(os.urandom(1 << 16) * 80))  # 5 MiB, touched
        time.sleep(0.01)


def _spawn(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Start a program and leave it running."""
    started = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (deeds.folder / "spawned").write_text(str(started.pid))


def _escape(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome | None:
    """Leave a process behind that has left our group, and has all our descriptors but the standard ones."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.closerange(0, 3)
        time.sleep(60)
        os._exit(0)
    (deeds.folder / "spawned").write_text(str(child))
    return _DEEDS[argument](deeds, delivery, "") if argument else None


def _defer(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome:
    return delivery.defer("the tide")


def _deferone(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome | None:
    """Defer the first time for the first of two recipients."""
    first = delivery.recipient.local == "one" and deeds.calls(delivery.message.subject) <= 2
    return delivery.defer("the tide") if first else None


def _raiseone(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    if delivery.recipient.local == "one":
        _raise(deeds, delivery, argument)


def _fourth(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Raise but the fourth time."""
    if deeds.calls(delivery.message.subject) < 4:
        _raise(deeds, delivery, argument)


def _rejectone(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome | None:
    return _reject(deeds, delivery, argument) if delivery.recipient.local == "one" else None


def _raiseafter(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    """Raise from the second call on."""
    if deeds.calls(delivery.message.subject) > 1:
        _raise(deeds, delivery, argument)


def _transient(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    raise Transient("the target is away")


def _reject(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome:
    return delivery.reject("There is no such book.")


def _rejected(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    raise Rejected("There is no such book.")


def _drop(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome:
    return delivery.drop("nothing to do")


def _reply(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome:
    return delivery.handled("answered", send=[delivery.reply("Thank you.")])


def _intend(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome:
    """Want something done elsewhere: ``intend 2 kill``."""
    name, _, deed = argument.partition(" ")
    return delivery.handled("intended", send=[delivery.intent({"name": name, "deed": deed})])


def _forward(deeds: Deeds, delivery: Delivery, argument: str) -> Outcome:
    """Send the mail on: ``forward 5 10`` to five groups of ten, each in its own words; ``b3@example.net`` is in the second."""
    groups, each = map(int, argument.split())
    forwards = [
        delivery.forward(
            f"X-Group: {group}\r\n".encode() + delivery.raw,
            [f"{group}{number}@example.net" for number in range(each)],
            reverse_path="list@example.org",
            tells_sender=True,
        )
        for group in "abcdefgh"[:groups]
    ]
    return delivery.handled(f"sent on to {groups} groups", send=forwards)


_Deed = Callable[[Deeds, Delivery, str], Outcome | None]


def _forkexit(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    if os.fork() == 0:
        sys.exit()


def _forkreturn(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    os.fork()


def _alarm(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    signal.alarm(1)
    time.sleep(1.5)


def _interrupted(deeds: Deeds, delivery: Delivery, argument: str) -> None:
    raise Interrupted


_DEEDS: dict[str, _Deed] = {
    "forkexit": _forkexit,
    "forkreturn": _forkreturn,
    "alarm": _alarm,
    "interrupted": _interrupted,
    "kill": _kill,
    "killonce": _killonce,
    "commit": _commit,
    "rollback": _rollback,
    "raise": _raise,
    "exit": _exit,
    "vanish": _vanish,
    "sql": _sql,
    "sqlonce": _sqlonce,
    "swallow": _swallow,
    "serialization": _fail,
    "connection": _connection,
    "wait": _wait,
    "sleep": _sleep,
    "stubborn": _stubborn,
    "grow": _grow,
    "spawn": _spawn,
    "escape": _escape,
    "defer": _defer,
    "deferone": _deferone,
    "raiseone": _raiseone,
    "fourth": _fourth,
    "rejectone": _rejectone,
    "raiseafter": _raiseafter,
    "transient": _transient,
    "reject": _reject,
    "rejected": _rejected,
    "drop": _drop,
    "reply": _reply,
    "forward": _forward,
    "intend": _intend,
}
