"""The demo's handler: a notebook by mail. Anybody who is known may write; only a proven sender may open a notebook."""

from __future__ import annotations

import re

import sqlalchemy as sa

from mailproc import Delivery, Outcome, Trust, handler

metadata = sa.MetaData()
note = sa.Table("demo_note", metadata, sa.Column("notebook", sa.Text), sa.Column("author", sa.Text), sa.Column("text", sa.Text))


@handler()
def keep_note(delivery: Delivery) -> Outcome:
    """Do what the first line says: ``open NAME``, ``share N plants among M beds``, or else it is a note."""
    text = delivery.message.text.strip()
    if command := re.match(r"open (\w+)", text):
        if delivery.sender.trust < Trust.STRONG:
            return delivery.reject("Only a signed mail may open a notebook.", failing_commands=[text])
        return delivery.handled(f"opened the notebook {command[1]}")
    if command := re.match(r"share (\d+) plants among (\d+) beds", text):
        each = int(command[1]) // int(command[2])  # the bug of the demo: nobody has thought of no beds at all
        return delivery.handled("shared", send=[delivery.reply(f"{each} in each bed.")])
    row = {"notebook": delivery.recipient.local, "author": delivery.sender.user, "text": text}
    delivery.session.execute(sa.insert(note).values(row))
    return delivery.handled(f"noted in {delivery.recipient.local}")
