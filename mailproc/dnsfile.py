"""TXT records from a file instead of the DNS: what ``inspect --dns FILE`` verifies DKIM by."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from mailproc.dkim.txt import Records
from mailproc.errors import SettingsError
from mailproc.inputfile import read_input


def read_records(path: Path) -> Records:
    """The records of a JSON file, ``{"NAME": ["TXT record", ...]}``; a name that is not in it does not exist.

    Raises `SettingsError` with the file and what is wrong with it.
    """
    try:
        return Records(msgspec.json.decode(read_input(path), type=dict[str, list[str]]))
    except msgspec.DecodeError as error:
        example = json.dumps({"s1._domainkey.example.org": ["v=DKIM1; p=..."]})
        raise SettingsError(f"{path}: {error}; write it like {example}") from None
