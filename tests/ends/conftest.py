"""A door without a socket: mail is handed in with its envelope, and the client's reply comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from mailproc.processing.attending import attend
from mailproc.reception.arriving import arrived_at_door
from mailproc.reply import Reply
from mailproc.testing import PostOffice

HandIn = Callable[..., Reply]


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """An installation of one's own."""
    with PostOffice() as opened:
        yield opened


@pytest.fixture
def hand_in(office: PostOffice) -> HandIn:
    """Hand in mail ``raw`` for ``to``, as a client of an SMTP door does that waits for the end; answers what it is told."""

    def handed_in(raw: bytes, *, to: str = "ann@example.org", path: str = "eve@example.net", entrance: str = "smtp") -> Reply:
        arrived = arrived_at_door(raw, path, [to], entrance=entrance, arrival=datetime.now(UTC), client_waits=True)
        (reply,) = attend(office._works, arrived, one_reply=True)
        return reply

    return handed_in
