"""Commands in mails, for authors of handlers: decorated functions with typed parameters.

::

    commands = Commands("bugs", Bug)

    @commands.command(stops=True)
    def private(bug: Bug, yes: bool) -> None:
        \"\"\"Hide the bug from all but its subscribers.\"\"\"
        bug.private = yes

A line of a mail that begins with a blank or a tab, and whose first word is the name of a command, is one: `` private yes``. In
a handler::

    asked = commands.asked(delivery)  # Rejected, unless the sender is proven or asks for nothing
    run = commands.run(asked, delivery.session, bug)
    return outcome_of(delivery, run, f"changed bug {bug.id}")

``Commands``      a set of commands, from which also the help is made
``Asked``         what a text asks for: its command lines, and the text without them
``Line``          one command line
``Run``           what came of them: ``done`` and ``failed``
``Failure``       a command that failed, and the text that says why
``CommandError``  what a command raises for a mistake of the sender: a `Rejected`
``outcome_of``    the end of the message
``disarmed``      a text without command lines, for mails to others
"""

from mailproc.commands.error import CommandError
from mailproc.commands.line import Asked, Line, disarmed
from mailproc.commands.run import Failure, Run, outcome_of
from mailproc.commands.vocabulary import Commands

__all__ = ["Asked", "CommandError", "Commands", "Failure", "Line", "Run", "disarmed", "outcome_of"]
