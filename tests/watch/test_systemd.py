"""What systemd hears: by a real socket, as sd_notify(3) has it."""

from __future__ import annotations

import os

import pytest

from mailproc.systemd import Service, service
from tests.installation import make_mail
from tests.processes import wait_for
from tests.watch.conftest import Make, Watch
from tests.watch.watching import Systemd


@pytest.mark.parametrize("abstract", [False, True])
def test_both_kinds_of_socket_are_spoken_to(abstract: bool) -> None:
    """A file, and a name of Linux's abstract namespace; one datagram for each word."""
    with Systemd(abstract=abstract) as systemd:
        told = service({"NOTIFY_SOCKET": systemd.address})
        told.ready()
        told.status("3 maildrops")
        told.status("3 maildrops")
        told.reloading()
        told.stopping()
        systemd.hear("STOPPING=1")
        assert [said.partition("\n")[0] for said in systemd.said] == [
            "READY=1",
            "STATUS=3 maildrops",
            "RELOADING=1",
            "STOPPING=1",
        ]


def test_who_has_no_service_manager_tells_nobody() -> None:
    """Neither without a socket nor with one of a kind that we do not know, and one that has gone is no error."""
    assert service({}) == Service(None, None)
    assert service({"NOTIFY_SOCKET": "vsock:2:9999"}) == Service(None, None)
    for told in (service({}), service({"NOTIFY_SOCKET": "/nowhere/notify"})):
        told.ready()
        told.alive()


def test_the_environment_is_not_for_what_we_start() -> None:
    """No handler and no program that it starts can speak in our name."""
    environ = {"NOTIFY_SOCKET": "/run/systemd/notify", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid()), "A": "b"}
    assert (service(environ), environ) == (Service("/run/systemd/notify", 3.0), {"A": "b"})


@pytest.mark.parametrize(("microseconds", "pid"), [("3000000", "1"), ("0", ""), ("soon", ""), ("", "")])
def test_a_watchdog_that_is_not_for_us(microseconds: str, pid: str) -> None:
    """Of another process, or none."""
    assert service({"WATCHDOG_USEC": microseconds, "WATCHDOG_PID": pid}).interval is None


def test_the_dialogue_of_a_watch(make: Make, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ready when each maildrop was looked at, lives also while a handler takes long, counts, and says when it stops."""
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    site = make()
    watched = watch(site, "--poll", "1 h")
    watched.systemd.hear("WATCHDOG=1", 1)  # idle
    site.append(make_mail("1 wait"))
    wait_for(lambda: site.calls())
    for _ in range(2):
        watched.systemd.hear("WATCHDOG=1", 1)
    assert site.effects() == []
    (site.folder / "go").touch()
    watched.systemd.hear("STATUS=1 maildrop; 1 handled")
    watched.systemd.hear("WATCHDOG=1", 1)
    assert watched.stop() == (0, "")
    watched.systemd.hear("STOPPING=1")


def test_a_server_that_cannot_be_reached_does_not_delay_the_start(make: Make, watch: Watch) -> None:
    """The watch is ready, and says what is out of reach."""
    site = make()
    site.edit("/Maildir", "/nowhere")
    watched = watch(site)
    assert any(said.startswith("STATUS=1 maildrop (1 out of reach: main)") for said in watched.systemd.said) or (
        watched.systemd.hear("STATUS=1 maildrop (1 out of reach: main)")
    )
