"""The handler of the tracker: what each of its addresses is for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bugs.commands import commands
from bugs.desk import sit_down
from bugs.notices import notices
from mailproc import Address, Delivery, Outcome, Reply, handler
from mailproc.commands import outcome_of

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")  # in one spelling: else the same signature would count once for each
_NO_SUCH_ADDRESS = "There is no such address. There are new@, edit@, help@, and the number of each bug."


@handler()
@dataclass(frozen=True)
class BugTracker:
    """Opens bugs, adds comments, and carries out commands; ``longest`` is how many characters a text may have."""

    longest: int = 50_000

    def accepts(self, address: Address) -> bool:
        """Whether a door takes mail for an address; of any number, for whether there is such a bug may be private."""
        return address.local.lower() in ("new", "edit", "help") or bool(_NUMBER.fullmatch(address.local))

    def __call__(self, delivery: Delivery) -> Outcome:
        """Do what the address is for."""
        match delivery.recipient.local.lower():
            case "new":
                return self._new(delivery)
            case "edit":
                return self._edit(delivery)
            case "help":
                return delivery.handled("help", send=[delivery.reply(commands.help())])
            case number if _NUMBER.fullmatch(number):
                return self._comment(delivery, int(number))
        return delivery.reject(_NO_SUCH_ADDRESS, reply=Reply(550, "5.1.1", _NO_SUCH_ADDRESS))

    def _new(self, delivery: Delivery) -> Outcome:
        """A bug with the subject as its title and the text; the commands in it are for that bug."""
        asked = commands.asked(delivery, proven=True)
        desk = sit_down(delivery, self.longest, (delivery.message.subject, asked.text))
        bug = desk.open()
        run = commands.run(asked, delivery.session, desk, bug)
        way = f"{bug.number}@{delivery.recipient.domain}"
        answer = delivery.reply(f"Your bug has the number {bug.number}. Write to {way} for anything else about it.")
        return outcome_of(delivery, run, f"opened bug {bug.number}", send=[answer, *notices(delivery, desk)])

    def _comment(self, delivery: Delivery, number: int) -> Outcome:
        """A comment from anybody who sees the bug; commands only from who has proven to be that."""
        asked = commands.asked(delivery)
        desk = sit_down(delivery, self.longest)
        bug = desk.find(number)
        if not asked.lines and not asked.text.strip():
            return delivery.drop("the mail has no text")
        if asked.text.strip():
            desk.say(bug, asked.text)
        run = commands.run(asked, delivery.session, desk, bug)
        did = ["commented"] if asked.text.strip() else []
        did += [f"commands: {len(run.done)}"] if run.done else []
        return outcome_of(delivery, run, ", ".join(did), send=notices(delivery, desk))

    def _edit(self, delivery: Delivery) -> Outcome:
        """Commands alone; those for a bug stand below a command ``bug``."""
        asked = commands.asked(delivery, proven=True)
        if not asked.lines:
            return delivery.reject("There is no command in your mail. Write to help@ for what there is.")
        desk = sit_down(delivery, self.longest, (delivery.message.subject, asked.text))
        run = commands.run(asked, delivery.session, desk)
        note = f"commands: {len(run.done)}" if run.done else ""
        return outcome_of(delivery, run, note, send=notices(delivery, desk))
