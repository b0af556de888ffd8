"""The Zulip that is tested against: the small one of the tests, or a real one."""

from __future__ import annotations

import base64
import configparser
import json
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailproc.gateway.targets.target import Target, make_target
from tests.gateway.targets.zulip_server import KEY


@dataclass(frozen=True)
class Realm:
    """An organization, our bot there, and a channel to write to."""

    url: str
    email: str
    key_file: Path
    channel: str

    @property
    def target(self) -> Target:
        """What posts there, as a program that has just been started."""
        return make_target("zulip", self.url, email=self.email, api_key_file=self.key_file)

    def contents(self, topic: str) -> list[str]:
        """The texts of a topic of the channel, by the API itself."""
        return [shown(message["content"]) for message in self.messages(topic)]

    def messages(self, topic: str) -> list[dict[str, Any]]:
        """The messages of a topic of the channel."""
        narrow = [{"operator": "stream", "operand": self.channel}, {"operator": "topic", "operand": topic}]
        query = {"anchor": "newest", "num_before": 50, "num_after": 0, "apply_markdown": "false", "narrow": json.dumps(narrow)}
        return list(self.ask("GET", f"/messages?{urllib.parse.urlencode(query)}")["messages"])

    def ask(self, method: str, endpoint: str, **fields: str) -> Any:
        """Ask the API for something."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{endpoint}",
            urllib.parse.urlencode(fields).encode() if method == "POST" else None,
            {"Authorization": "Basic " + base64.b64encode(f"{self.email}:{self.key_file.read_text()}".encode()).decode()},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def shown(content: str) -> str:
    """What a person sees of a message; its mark must be there, and nobody sees it."""
    seen = re.fullmatch("(.*)[ \n][\u200b-\u200d]{24}", content, re.DOTALL)
    assert seen
    return seen[1]


def real_realm(url: str, zuliprc: str, folder: Path) -> Realm:
    """A real organization and the bot of a zuliprc, in a channel of the tests."""
    settings = configparser.ConfigParser()
    settings.read(zuliprc)
    email, key = settings["api"]["email"], settings["api"]["key"]
    realm = Realm(url.rstrip("/"), email, key_file(folder, key), "mailproc tests")
    realm.ask("POST", "/users/me/subscriptions", subscriptions=json.dumps([{"name": realm.channel}]))
    return realm


def key_file(folder: Path, key: str = KEY) -> Path:
    """A file that holds a key and that nobody else may read."""
    file = folder / "key"
    file.write_text(key)
    file.chmod(0o600)
    return file
