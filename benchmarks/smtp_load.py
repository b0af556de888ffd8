"""Clients that send mail by SMTP as fast as they are let, each on its connection, and write down what they were told."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field

TEXT = "A line of a mail as people write them, neither long nor short.\r\n" * 60  # 4 kB


@dataclass(slots=True)
class Told:
    """What clients were told: the numbers of the messages with a 250, of all others, and the seconds it took.

    While ``offering`` there will be more messages, also when there are none just now.
    """

    accepted: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    unanswered: list[int] = field(default_factory=list)
    seconds: float = 0.0
    offering: bool = False


def mail(number: int) -> bytes:
    """A mail with this number as its subject."""
    head = f"From: ann@example.com\r\nSubject: {number}\r\nMessage-ID: <{number}@example.com>\r\n\r\n"
    return head.encode() + TEXT.encode()


async def send(port: int, numbers: deque[int], told: Told, recipient: str, until: float) -> None:
    """One client: one connection, one message after the other, until there are none left or the time is over."""
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        try:
            if not await _session(_Channel(reader, writer), numbers, told, recipient, until):
                return
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.05)
        finally:
            writer.close()


@dataclass(slots=True)
class _Channel:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, octets: bytes) -> bytes:
        """Send these octets, and wait for the last line of the reply."""
        self.writer.write(octets)
        line = await self.reader.readuntil(b"\r\n")
        while line[3:4] == b"-":
            line = await self.reader.readuntil(b"\r\n")
        return line


async def _session(channel: _Channel, numbers: deque[int], told: Told, recipient: str, until: float) -> bool:
    """Send on this connection; answers whether there is more to send, on another one."""
    if not (await channel.say(b"")).startswith(b"220"):
        return True
    await channel.say(b"EHLO load.example.com\r\n")
    while time.monotonic() < until and (numbers or told.offering):
        if not numbers:
            await asyncio.sleep(0.01)
            continue
        number = numbers.popleft()
        try:
            reply = await _transaction(channel, number, recipient)
        except (OSError, asyncio.IncompleteReadError):
            told.unanswered.append(number)
            raise
        if reply.startswith(b"250"):
            told.accepted.append(number)
        elif reply.startswith(b"421"):  # enough for one connection
            numbers.appendleft(number)
            return True
        else:
            told.refused[number] = reply.decode().strip()
            await channel.say(b"RSET\r\n")
    return False


async def _transaction(channel: _Channel, number: int, recipient: str) -> bytes:
    """The reply to the message, or to the command before it that was refused."""
    for command in ("MAIL FROM:<ann@example.com>", f"RCPT TO:<{recipient}>", "DATA"):
        reply = await channel.say(f"{command}\r\n".encode())
        if not reply.startswith((b"250", b"354")):
            return reply
    return await channel.say(mail(number) + b".\r\n")


async def _offer(numbers: deque[int], rate: int, until: float) -> None:
    """So many messages more each second, whether the clients keep up with that or not."""
    offered, began = 0, time.monotonic()
    while (now := time.monotonic()) < until:
        wanted = int((now - began) * rate)
        numbers.extend(range(offered, wanted))
        offered = wanted
        await asyncio.sleep(0.01)


async def load(
    port: int, clients: int, messages: int, recipient: str, seconds: float, told: Told | None = None, rate: int = 0
) -> Told:
    """So many clients at once send so many messages, numbered from 0, for at most ``seconds``; ``told`` may be looked into.

    With a ``rate`` there are so many more each second.
    """
    numbers, told = deque(range(messages)), told or Told()
    began = time.monotonic()
    until = began + seconds
    told.offering = rate > 0
    offers = [_offer(numbers, rate, until)] if rate else []
    await asyncio.gather(*offers, *(send(port, numbers, told, recipient, until) for _ in range(clients)))
    told.seconds = time.monotonic() - began
    return told


if __name__ == "__main__":
    port, clients, messages, recipient, seconds = sys.argv[1:]
    print(json.dumps(asdict(asyncio.run(load(int(port), int(clients), int(messages), recipient, float(seconds))))))
