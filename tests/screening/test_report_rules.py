"""Reports of machines about mail that did arrive."""

import pytest

from mailproc.reading import read_message
from mailproc.screening import Screened, screen

PERSON = "From: Ann <ann@example.org>\n"
DMARC = "Subject: Report Domain: example.org Submitter: example.net Report-ID: <1@example.net>"

COMPLAINT = "Subject: complaint about message from"
FORWARDED = "Content-Type: multipart/mixed; boundary=b"
ORIGINAL = "--b\nContent-Type: message/rfc822\n\nSubject: hello\n\nHello\n--b--"


def screened(head: str, body: str = "") -> Screened:
    """What a mail with these header lines is."""
    return screen(read_message(f"{PERSON}{head}\n\n{body}".encode()), reverse_path=None, size=1, max_size=1, our_domain="x")


@pytest.mark.parametrize(
    ("head", "body", "rule"),
    [
        ("Content-Type: multipart/report; report-type=disposition-notification", "", "report.mdn"),
        ("Content-Type: multipart/report; report-type=feedback-report", "", "report.feedback"),
        ('Content-Type: multipart/report; report-type="tlsrpt"', "", "report.tls"),
        ("TLS-Report-Domain: example.org\nTLS-Report-Submitter: example.net", "", "report.tls"),
        (f"{DMARC}\nContent-Type: application/gzip; name=a.xml.gz", "", "report.dmarc"),
        (
            f"{DMARC}\nContent-Type: multipart/mixed; boundary=b",
            "--b\n\nx\n--b\nContent-Type: application/zip\n\nx\n--b--",
            "report.dmarc",
        ),
        ('Content-Type: multipart/report; report-type="x\x1b[2J-new"', "", "report.other"),
        (f"{COMPLAINT} 192.0.2.1\n{FORWARDED}", ORIGINAL, "report.feedback"),
        (f"{COMPLAINT} 2001:DB8::1\n{FORWARDED}", ORIGINAL, "report.feedback"),
    ],
)
def test_reports(head: str, body: str, rule: str) -> None:
    """Each kind of report has its rule, and any other multipart/report is one too."""
    found = screened(head, body)
    assert (found.verdict, found.rule) == ("report", rule)
    assert found.reason.isprintable()


@pytest.mark.parametrize(
    "head",
    [
        DMARC,
        f"{DMARC}\nContent-Type: text/html",
        f"{COMPLAINT} 192.0.2.1",
        f"{COMPLAINT} ann\n{FORWARDED}\n\n{ORIGINAL}",
        f"{COMPLAINT} 192.0.2.1, please\n{FORWARDED}\n\n{ORIGINAL}",
        f"{COMPLAINT.replace(':', ': Fwd:')} 192.0.2.1\n{FORWARDED}\n\n{ORIGINAL}",
        "Subject: Report Domain\nContent-Type: application/zip",
        f"Subject: Fwd: {DMARC}\nContent-Type: application/zip",
        "Disposition-Notification-To: ann@example.org",
        "TLS-Report-Domain: example.org",
        "Content-Type: multipart/mixed; report-type=disposition-notification",
    ],
)
def test_no_reports(head: str) -> None:
    """A request for a receipt, a subject alone, and a forwarded report are a person's."""
    assert screened(head).verdict == "human"
