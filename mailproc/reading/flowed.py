"""Text whose lines flow: paragraphs that the sender's program has wrapped, made whole again (RFC 3676)."""

from __future__ import annotations

SIGNATURE = "-- "


def unflow(text: str, *, delete_space: bool = False) -> str:
    """The text with its soft line breaks and its space-stuffing undone; never longer than before.

    A line that ends with a blank goes on in the next one of the same quote depth; the line "-- " never does, and nothing
    flows into it (section 4.3) or into an empty line. ``delete_space`` says that the blank itself is none of the text
    (DelSp, section 4.2).
    """
    pieces: list[str] = []
    open_depth = -1  # of the quote whose last line goes on; -1 when none does
    for line in text.split("\n"):
        stuffed = line.lstrip(">")
        depth = len(line) - len(stuffed)
        said = stuffed.removeprefix(" ")
        soft = said.endswith(" ") and said != SIGNATURE
        kept = said[:-1] if soft and delete_space else said
        if depth == open_depth and said not in ("", SIGNATURE):
            pieces.append(kept)
        else:
            marks = line[: len(line) - len(said)] if depth else ""
            pieces.append(f"\n{marks}{kept}")
        open_depth = depth if soft else -1
    return "".join(pieces)[1:]
