"""The tables of notes. Their names begin with the plugin's, because it shares the database with others."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """What the tables have in common."""

    type_annotation_map = {str: Text}  # noqa: RUF012 - as SQLAlchemy wants it


class Notebook(Base):
    """A notebook; its name is the local part of its address."""

    __tablename__ = "notes_notebook"

    name: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    notes: Mapped[list[Note]] = relationship(order_by="Note.id", cascade="all, delete-orphan")


class Note(Base):
    """What somebody has written into a notebook."""

    __tablename__ = "notes_note"

    id: Mapped[int] = mapped_column(primary_key=True)
    notebook: Mapped[str] = mapped_column(ForeignKey("notes_notebook.name", ondelete="CASCADE"), index=True)
    author: Mapped[str]
    text: Mapped[str]
