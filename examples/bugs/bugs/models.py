"""The tables of bugs. Their names begin with the plugin's, because it shares the database with others."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What the tables have in common."""

    type_annotation_map = {str: Text}  # noqa: RUF012 - as SQLAlchemy wants it


class Person(Base):
    """Somebody who has written to the tracker, with the address to which mail for them goes."""

    __tablename__ = "bugs_person"

    name: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str]


class Bug(Base):
    """A bug; its number is the local part of its address."""

    __tablename__ = "bugs_bug"

    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    reporter: Mapped[str] = mapped_column(ForeignKey("bugs_person.name"))
    assignee: Mapped[str | None] = mapped_column(ForeignKey("bugs_person.name"))
    status: Mapped[str] = mapped_column(default="new")
    importance: Mapped[str] = mapped_column(default="undecided")
    private: Mapped[bool] = mapped_column(default=False)
    duplicate_of: Mapped[int | None] = mapped_column(ForeignKey("bugs_bug.number"))


class Entry(Base):
    """What somebody has said of a bug, or done to it, by the mail with this id."""

    __tablename__ = "bugs_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    bug: Mapped[int] = mapped_column(ForeignKey("bugs_bug.number"), index=True)
    author: Mapped[str] = mapped_column(ForeignKey("bugs_person.name"))
    text: Mapped[str]
    mail: Mapped[str] = mapped_column(index=True)


class Subscription(Base):
    """Somebody who is told what happens to a bug, and sees it when it is private."""

    __tablename__ = "bugs_subscription"

    bug: Mapped[int] = mapped_column(ForeignKey("bugs_bug.number"), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("bugs_person.name"), primary_key=True)


class Tag(Base):
    """A word by which bugs are found."""

    __tablename__ = "bugs_tag"

    bug: Mapped[int] = mapped_column(ForeignKey("bugs_bug.number"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
