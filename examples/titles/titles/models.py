"""The tables of titles. Their names begin with the plugin's, because it shares the database with others."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """What the tables have in common."""

    type_annotation_map = {str: Text}  # noqa: RUF012 - as SQLAlchemy wants it


class Period(Base):
    """A year of office, named by the calendar year in which it begins; the last one that there is is the current one."""

    __tablename__ = "titles_period"

    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Person(Base):
    """Somebody; who has no address, or wants no mail by his titles, gets none."""

    __tablename__ = "titles_person"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    direct_mail: Mapped[bool]


class Holder(Base):
    """Who holds a title in a period: an office such as ``FORM``, or an assistant's such as ``FUVE``, in capitals."""

    __tablename__ = "titles_holder"

    title: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("titles_person.id", ondelete="CASCADE"), primary_key=True)
    person: Mapped[Person] = relationship()


membership = Table(
    "titles_membership",
    Base.metadata,
    Column("circle", ForeignKey("titles_circle.name", ondelete="CASCADE"), primary_key=True),
    Column("person_id", ForeignKey("titles_person.id", ondelete="CASCADE"), primary_key=True),
)


class Circle(Base):
    """People who have an address together: every one that ``pattern`` matches, in capitals, from its beginning to its end."""

    __tablename__ = "titles_circle"

    name: Mapped[str] = mapped_column(primary_key=True)
    pattern: Mapped[str]
    people: Mapped[list[Person]] = relationship(secondary=membership, order_by=Person.id)
