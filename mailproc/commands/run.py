"""Carrying out the commands of a mail, and the end that the mail then has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mailproc import Mail, Rejected
from mailproc.commands.command import Command
from mailproc.commands.error import CommandError
from mailproc.commands.kind import Subjects
from mailproc.commands.line import HELP, Line
from mailproc.reading import one_line

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mailproc import Delivery, Forward, Intent, Outcome

MOST = 100  # commands in a mail; a person does not type more
_SHOWN = 60  # characters of a failed command that stand before what is said of it


@dataclass(frozen=True, slots=True)
class Failure:
    """A command that failed, and what its sender is told."""

    line: Line
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """What came of the commands of a mail.

    ``done``     those that were carried out, in the order in which they were
    ``failed``   those that were not
    ``stopped``  whether the last of these has undone all that was done before; then ``done`` is empty
    ``help``     what is to be answered, where help was asked for, else ""
    """

    done: tuple[Line, ...] = ()
    failed: tuple[Failure, ...] = ()
    stopped: bool = False
    help: str = ""


def carry_out(
    lines: Sequence[Line], commands: Mapping[str, Command], session: Session, subjects: Subjects, help: Callable[[], str]
) -> Run:
    """Carry out ``lines`` in their order, each behind a savepoint of its own, on the ``subjects``."""
    told = help() if any(line.name == HELP for line in lines) else ""
    wanted = [line for line in lines if line.name != HELP]
    if len(wanted) > MOST:
        return Run((), (Failure(wanted[MOST], f"A mail may hold {MOST} commands, and yours holds {len(wanted)}."),), True, told)
    done: list[Line] = []
    failed: list[Failure] = []
    now = dict(subjects)
    with session.begin_nested() as everything:
        for line in wanted:
            command = commands[line.name]
            try:
                _one(line, command, commands.values(), session, now)
            except CommandError as error:
                failed.append(Failure(line, str(error)))
                if command.stops or error.stop:
                    everything.rollback()
                    return Run((), tuple(failed), True, told)
            else:
                done.append(line)
    return Run(tuple(done), tuple(failed), False, told)


def _one(line: Line, command: Command, commands: Iterable[Command], session: Session, now: dict[type, object]) -> None:
    """Carry out one command; from then on what it begins is acted on, or nothing of that type where it fails."""
    try:
        for each in command.needs:
            if each not in now:
                raise CommandError(_unnamed(each, commands))
        with session.begin_nested():
            begun = command.call(line, now)
    except CommandError:
        if command.begins:
            now.pop(command.begins, None)
        raise
    if command.begins:
        if not isinstance(begun, command.begins):
            raise TypeError(f"command {command.name} returned {type(begun).__name__}, and no {command.begins.__name__}")
        now[command.begins] = begun


def _unnamed(kind: type, commands: Iterable[Command]) -> str:
    """What is told where a command does not know on what it is to act."""
    beginning = [command.example for command in commands if command.begins is kind]
    if not beginning:
        raise TypeError(f"the commands need {kind.__name__} to act on: give it to run(), or make a command that returns one")
    return f'It is not said for which {kind.__name__.lower()} this is: a line like "{beginning[0]}" must stand before it.'


def outcome_of(delivery: Delivery, run: Run, note: str = "", *, send: Iterable[Mail | Forward | Intent] = ()) -> Outcome:
    """The end of a mail whose commands were run: handled, or rejected with everything that failed, in one error mail.

    ``note`` says in a few words what was done: for the ledger, and for the sender beside what failed. ``send`` leaves in any
    case, but for answers: an error mail is one. What the handler has written stays; only a command that stopped all undoes it
    too, by raising `Rejected`.
    """
    send = tuple(send)
    if not run.failed:
        return delivery.handled(note, send=_with_help(delivery, run.help, send))
    failing = [failure.line.text for failure in run.failed]
    if run.stopped:
        raise Rejected(_told(run, "Nothing in your mail was carried out."), failing_commands=failing)
    others = f"Everything else in your mail was carried out: {note}." if note else ""
    outcome = delivery.reject(_told(run, others), failing_commands=failing)
    return replace(outcome, send=tuple(each for each in send if not _is_answer(each)))


def _is_answer(sendable: Mail | Forward | Intent) -> bool:
    return isinstance(sendable, Mail) and sendable.is_answer


def _with_help(delivery: Delivery, help: str, send: Sequence[Mail | Forward | Intent]) -> Sequence[Mail | Forward | Intent]:
    """What leaves, with the help in the one answer that there may be."""
    if not help:
        return send
    if not any(map(_is_answer, send)):
        return [*send, delivery.reply(help)]
    return [
        replace(each, text=f"{each.text}\n\n{help}") if isinstance(each, Mail) and each.is_answer else each for each in send
    ]


def _told(run: Run, others: str) -> str:
    failures = [f"{one_line(failure.line.text, _SHOWN)}: {failure.text}" for failure in run.failed]
    return "\n\n".join(filter(None, [*failures, others, run.help]))
