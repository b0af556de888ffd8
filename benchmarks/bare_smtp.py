"""aiosmtpd as it is, writing each message durably into a Maildir before its 250: what `mailproc serve` is measured against."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP


class DurableMaildir:
    """Writes a message into ``tmp``, sees it to the disk, gives it its name in ``new``, and sees that to the disk."""

    def __init__(self, folder: Path) -> None:
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(parents=True)
        self._folder, self._written = folder, 0
        self._new = os.open(folder / "new", os.O_RDONLY)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Write it."""
        self._written += 1
        temporary = self._folder / "tmp" / str(self._written)
        with temporary.open("wb") as file:
            file.write(envelope.content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._folder / "new" / temporary.name)
        os.fsync(self._new)
        return "250 OK"


async def serve(port: int, folder: Path) -> None:
    """Serve until we are killed."""
    handler = DurableMaildir(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, hostname="localhost"), "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
