"""A relay: the connection to it, which is used for several mails, and what became of each."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from mailproc.errors import Away, LoginRefused, SettingsError
from mailproc.submission.login import log_in
from mailproc.submission.transaction import Problem, begin, lacking, out_of_reach, transaction, unfit, unfit_recipient
from mailproc.submission.words import advice, line, said, trouble
from mailproc.transport import Login, Security, is_loopback, trusting

_LOGIN_NEEDED = (530, 534, 535, 538)  # RFC 4954 section 6: said to MAIL, it is about us


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of one mail for one of its recipients.

    sent     the relay has taken it over
    retry    it has not, or we cannot know: try again later (4xx, connection trouble)
    refused  it never will: 5xx to this mail or recipient, or it cannot be sent at all
    left     the relay wanted no more recipients in this transaction: try again at once, in another one

    ``reply`` is the relay's last word, or ours, on one line; ``status`` is the enhanced status code (RFC 3463) of a mail that
    cannot be sent at all.
    """

    kind: Literal["sent", "retry", "refused", "left"]
    reply: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class RelayFacts:
    """What a relay showed of itself: ``tls`` is its version or None."""

    tls: str | None
    logged_in: bool


class Relay:
    """A relay at ``host``:``port``; ``timeout`` in seconds bounds each single wait for it.

    ``security`` is ``plain``, ``starttls`` (which never falls back to plain) or ``tls``. Certificates are verified against
    ``ca_file``, or the system's authorities. Raises `SettingsError` where a password or a token would travel in clear.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: Security = "plain",
        username: str | None = None,
        login: Login | None = None,
        timeout: float = 30.0,
        ca_file: str | None = None,
        local_hostname: str = "localhost",
    ) -> None:
        if username is not None and security == "plain" and not is_loopback(host):
            raise SettingsError(f"{host}:{port}: the login would travel in clear; use smtp+starttls: or smtps:")
        self.host, self.port, self.security = host, port, security
        self._login = (username, "" if login is None else login) if username is not None else None
        self._timeout = timeout
        self._tls = _context(ca_file) if security != "plain" else None
        self._local_hostname = local_hostname
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection; after a `retry` without one, the next mail would fare no better now."""
        return self._smtp is not None

    def connect(self) -> None:
        """Connect, greet, secure and log in, unless that has been done.

        Raises `Away` or `LoginRefused`, with one line that says what to do; we do not log in before TLS is verified.
        """
        if self._smtp is None:
            self._smtp = self._opened()

    def close(self) -> None:
        """Say QUIT, if there is somebody to hear it."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                smtp.quit()
            except OSError:
                smtp.close()

    def check(self) -> RelayFacts:
        """Connect, secure, log in and leave, without a mail; raises as `connect` does."""
        with self:
            assert self._smtp is not None  # noqa: S101 - connected
            channel = self._smtp.sock
            return RelayFacts(
                tls=channel.version() if isinstance(channel, ssl.SSLSocket) else None,
                logged_in=self._login is not None,
            )

    def send(self, reverse_path: str, recipients: Sequence[str], raw: bytes) -> list[Submitted]:
        """Hand over one mail in one mail transaction; ``reverse_path`` "" is the null path.

        Answers what became of it for each of ``recipients``, in their order. Whom the relay has refused stays refused when the
        connection breaks off; all whom it had taken are to be tried again then, also when the final dot was on its way: they
        are served at least once, by the same bytes. Raises `LoginRefused` when the relay wants a login that it was not given,
        or refuses it.
        """
        problem = unfit(reverse_path, raw)
        told = {to: _not_sent(found) for to in recipients if (found := problem or unfit_recipient(to))}
        if left := [to for to in dict.fromkeys(recipients) if to not in told]:
            told |= self._told(reverse_path, left, raw)
        return [told[to] for to in recipients]

    def _told(self, reverse_path: str, recipients: Sequence[str], raw: bytes) -> dict[str, Submitted]:
        told: dict[str, Submitted] = {}
        words = ""
        try:
            for recipient, submitted in self._submitted(reverse_path, recipients, raw):
                told[recipient] = submitted
                words = submitted.reply
        except Away as away:
            words = line(str(away))
        except OSError as error:
            self._abandon()
            words = line(f"{self._place}: {trouble(error)}")
        rest = Submitted("left" if self.connected else "retry", words)
        return {recipient: told.get(recipient, rest) for recipient in recipients}

    def _submitted(self, reverse_path: str, recipients: Sequence[str], raw: bytes) -> Iterator[tuple[str, Submitted]]:
        smtp = self._ready()
        problem = lacking(smtp, reverse_path, raw)
        unable = {to: found for to in recipients if (found := problem or out_of_reach(smtp, to))}
        yield from ((recipient, _not_sent(found)) for recipient, found in unable.items())
        if not (able := [recipient for recipient in recipients if recipient not in unable]):
            return
        code, reply = begin(smtp, reverse_path, able, raw)
        if code in _LOGIN_NEEDED:
            self._abandon()
            raise LoginRefused(f"{self._place}: {said(code, reply)}; give the relay's user name and password")
        if code >= 300:
            yield from ((recipient, _meant(code, reply)) for recipient in able)
        else:
            for recipient, (code, reply) in transaction(smtp, able, raw):
                yield recipient, _meant(code, reply)
        self._clear(code)

    def _ready(self) -> smtplib.SMTP:
        """The connection, a new one where the relay has closed the old in the meantime."""
        if self._smtp is not None:
            try:
                self._clear(self._smtp.noop()[0])
            except OSError:
                self._abandon()
        self.connect()
        assert self._smtp is not None  # noqa: S101 - connected
        return self._smtp

    def _clear(self, code: int) -> None:
        """Be ready for the next mail: forget a refused one; 421 says that the relay hangs up (RFC 5321 section 3.8)."""
        if self._smtp is None or code == 250:
            return
        if code == 421 or self._smtp.rset()[0] != 250:
            self._abandon()

    def _abandon(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()

    @property
    def _place(self) -> str:
        return f"relay {self.host}:{self.port}"

    def _opened(self) -> smtplib.SMTP:
        smtp: smtplib.SMTP | None = None
        try:
            smtp = self._channel()
            smtp.ehlo_or_helo_if_needed()
            if self.security == "starttls" and self._tls is not None:
                smtp.starttls(context=self._tls)  # raises where it is not offered or refused: never in clear instead
                smtp.ehlo_or_helo_if_needed()  # what was said before TLS is void (RFC 3207 section 4.2)
            if self._login is not None:
                log_in(smtp, self.host, self.port, *self._login)
            return smtp
        except BaseException as error:
            if smtp is not None:
                smtp.close()
            if isinstance(error, OSError):
                raise Away(f"{self._place}: {trouble(error)}; {advice(error)}") from error
            raise

    def _channel(self) -> smtplib.SMTP:
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, self._local_hostname, timeout=self._timeout, context=self._tls)
        return smtplib.SMTP(self.host, self.port, self._local_hostname, timeout=self._timeout)


def _meant(code: int, reply: bytes) -> Submitted:
    """What a reply means for a recipient. One who needs a login that others do not is no reason to give the mail up."""
    if 200 <= code < 300:
        return Submitted("sent", said(code, reply))
    return Submitted("refused" if 500 <= code < 600 and code not in _LOGIN_NEEDED else "retry", said(code, reply))


def _not_sent(problem: Problem) -> Submitted:
    return Submitted("refused", f"not sent: {problem.text}", problem.status)


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return trusting(ca_file)
    except OSError as error:
        raise SettingsError(f"ca_file {ca_file}: {trouble(error)}; it must be a file of PEM certificates") from error
