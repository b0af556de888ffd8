"""An archive whose folder may not be written, as root cannot see it: the test becomes nobody for its time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailproc.archive import FolderArchive, create
from mailproc.errors import Away

NOBODY = 65534


@pytest.fixture
def closed() -> Iterator[Path]:
    """An archive of this process's user, whose folders may be read and not written."""
    folder = Path(tempfile.mkdtemp(prefix="archive-", dir="/tmp"))
    create(folder)
    before = os.geteuid()
    if before == 0:
        for path in (folder, folder / "tmp"):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        for path in (folder / "tmp", folder):
            path.chmod(0o500)
        yield folder
    finally:
        os.seteuid(before)
        shutil.rmtree(folder)


def test_an_archive_whose_folder_may_not_be_written_is_away(closed: Path) -> None:
    """Nothing is kept and the reason is said; when the folder may be written again, the same mail is kept."""
    archive = FolderArchive(closed)
    with pytest.raises(Away, match="Permission denied"):
        archive.put_many([b"From: ann@example.com\r\n\r\nHello\r\n"])
    for path in (closed, closed / "tmp"):
        path.chmod(0o700)
    (url,) = archive.put_many([b"From: ann@example.com\r\n\r\nHello\r\n"])
    assert archive.get(url) == b"From: ann@example.com\r\n\r\nHello\r\n"
