"""Each rule with its id, its exact reason, and where it begins and ends."""

from __future__ import annotations

import pytest

from mailproc.reading import read_message
from mailproc.screening import RULES, Screened, Verdict, screen

ANN = "From: ann@example.org\n"
DAEMON = "From: MAILER-DAEMON@example.org\n"
POSTMASTER = "From: postmaster@example.org\n"
NULL = "Return-Path: <>\n"
MDN = "Content-Type: multipart/report; report-type=disposition-notification\n"
DSN = "Content-Type: multipart/report; report-type=delivery-status\n"
REPLIED = "Auto-Submitted: auto-replied\n"
MIXED = "Content-Type: multipart/mixed; boundary=b\n"
STATUS = "--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--\n"
SUBJECT = "Subject: Report Domain: example.org Submitter: example.net\n"
COMPLAINT = "Subject: complaint about message from 192.0.2.1\nContent-Type: multipart/mixed; boundary=b\n"
ORIGINAL = "--b\nContent-Type: message/rfc822\n\nSubject: hello\n\nHello\n--b--"
NOTICE = '{"notificationType": "Bounce", "mail": {}}'


def screened(head: str, body: str = "", reverse_path: str | None = None, size: int = 1) -> Screened:
    """What a mail with this header and body is."""
    message = read_message(f"{head}X: y\n\n{body}".encode())
    return screen(message, reverse_path=reverse_path, size=size, max_size=1000, our_domain="robot.example.org")


OPINIONS = [
    ("loop.mark", "it carries our loop mark", f"{ANN}X-Loop: mailproc/robot.example.org\n", ""),
    ("loop.message-id", "its Message-ID is one of ours", f"{ANN}Message-ID: <mailproc.1@robot.example.org>\n", ""),
    ("loop.received", "it has 51 Received fields", ANN + "Received: x\n" * 51, ""),
    ("bounce.null-reverse-path", "the reverse path is null", NULL + ANN, ""),
    ("bounce.daemon-reverse-path", "the reverse path is a mailer daemon's", f"Return-Path: <MAILER-DAEMON>\n{ANN}", ""),
    ("bounce.delivery-status", "it is a delivery status notification", ANN + DSN, ""),
    ("bounce.delivery-status", "it is a delivery status notification", f"{ANN}Content-Type: message/delivery-status\n", ""),
    (
        "bounce.delivery-status",
        "it is a delivery status notification",
        f"{ANN}Content-Type: message/global-delivery-status\n",
        "",
    ),
    ("bounce.untyped-report", "it is a multipart/report without a report-type", f"{ANN}Content-Type: multipart/report\n", ""),
    ("bounce.failed-recipients", "X-Failed-Recipients from a mail system", f"{POSTMASTER}X-Failed-Recipients: x\n", ""),
    ("bounce.field", "X-MS-Exchange-Message-Is-Ndr is there", f"{ANN}X-MS-Exchange-Message-Is-Ndr:\n", ""),
    ("bounce.delivery-status-part", "it holds a delivery status from a mail system", POSTMASTER + MIXED, STATUS),
    ("bounce.opening", "it begins like the notice of a mail system", POSTMASTER, "This is the mail system at host"),
    ("bounce.daemon-sender", "it is from a mailer daemon", DAEMON, ""),
    ("report.mdn", "it is a read receipt", ANN + MDN, ""),
    ("report.mdn", "it is a read receipt", f"{ANN}Content-Type: message/disposition-notification\n", ""),
    ("report.mdn", "it is a read receipt", f"{ANN}Content-Type: message/global-disposition-notification\n", ""),
    ("report.feedback", "it is a feedback report", f"{ANN}Content-Type: multipart/report; report-type=feedback-report\n", ""),
    ("report.feedback", "it is a feedback report", f"{ANN}Content-Type: message/feedback-report\n", ""),
    ("report.feedback", "it is a complaint of a mail service", f"{ANN}{COMPLAINT}", ORIGINAL),
    ("report.tls", "it is a TLS report", f"{ANN}Content-Type: multipart/report; report-type=tlsrpt\n", ""),
    ("report.tls", "it is a TLS report", f"{ANN}TLS-Report-Domain: a\nTLS-Report-Submitter: b\n", ""),
    ("report.tls", "it is a TLS report", f"{ANN}{SUBJECT}Content-Type: application/tlsrpt+gzip\n", ""),
    ("report.tls", "it is a TLS report", f"{ANN}{SUBJECT}Content-Type: application/tlsrpt+json\n", ""),
    ("report.dmarc", "it is a DMARC report", f"{ANN}{SUBJECT}Content-Type: application/zip\n", ""),
    ("report.notice", "it is a notice in JSON", POSTMASTER, NOTICE),
    ("report.other", "it is a multipart/report of type a b", f'{ANN}Content-Type: multipart/report; report-type="A\tb"\n', ""),
    (
        "report.other",
        f"it is a multipart/report of type {'x' * 57}...",
        f"{ANN}Content-Type: multipart/report; report-type={'x' * 61}\n",
        "",
    ),
    ("auto-reply.auto-submitted", "Auto-Submitted is auto-replied", ANN + REPLIED, ""),
    ("auto-reply.field", "it has a field X-Autorespond of a machine", f"{ANN}X-Autorespond: x\n", ""),
    ("auto-reply.mailproc", "another mailproc wrote it", ANN + "X-Loop: mailproc/other.example.org\n", ""),
    (
        "auto-reply.mailbox-rule",
        "a rule of an Exchange mailbox wrote it",
        f"{NULL}{ANN}X-MS-Exchange-Inbox-Rules-Loop: x\n",
        "",
    ),
    (
        "auto-reply.mailbox-rule",
        "a rule of an Exchange mailbox wrote it",
        f"{NULL}{ANN}X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent\n",
        "",
    ),
    ("auto-generated.auto-submitted", "Auto-Submitted is auto-generated", f"{ANN}Auto-Submitted: Auto-Generated; a=b\n", ""),
    ("auto-generated.auto-submitted", "Auto-Submitted is empty", f"{ANN}Auto-Submitted: (x)\n", ""),
    ("auto-generated.auto-submitted", "Auto-Submitted is x-b", f"{ANN}Auto-Submitted: no\nAuto-Submitted: x-b\n", ""),
    ("auto-generated.auto-submitted", f"Auto-Submitted is {'x' * 57}...", f"{ANN}Auto-Submitted: {'x' * 61}\n", ""),
    ("auto-generated.field", "it has a field X-Cron-Env of a machine", f"{ANN}X-Cron-Env: <PATH=/bin>\n", ""),
    ("bulk.precedence", "Precedence is bulk", f"{ANN}Precedence: bulk\n", ""),
    ("bulk.precedence", "Precedence is empty", f"{ANN}Precedence:\n", ""),
    ("bulk.precedence", f"Precedence is {'x' * 57}...", f"{ANN}Precedence: {'x' * 61}\n", ""),
    ("bulk.list-unsubscribe", "it has List-Unsubscribe and is from no list", f"{ANN}List-Unsubscribe: <mailto:x>\n", ""),
    ("bulk.feedback-id", "it has a Feedback-ID and is from no list", f"{ANN}Feedback-ID: 1:2:3:x\n", ""),
    ("list.field", "it has List-Id", f"{ANN}List-Post: NO\nList-Id: <x.example.org>\n", ""),
    ("list.field", "it has List-Post", f"{ANN}List-Post: NO\n", ""),
    ("human", "no rule sees a machine", ANN, ""),
]


@pytest.mark.parametrize(("rule", "reason", "head", "body"), OPINIONS)
def test_rule_and_reason(rule: str, reason: str, head: str, body: str) -> None:
    """Each rule is known by its id, and says why in the same words each time."""
    found = screened(head, body)
    assert (found.rule, found.reason) == (rule, reason)
    assert found.verdict == rule.partition(".")[0]


def test_size_and_structure() -> None:
    """The limits say what is over them."""
    assert screened(ANN, size=1001) == Screened(Verdict.TOO_BIG, "too-big.size", "1001 octets, and the limit is 1000")
    nest = read_message(b"Content-Type: message/rfc822\n\n" * 60)
    deep = screen(nest, reverse_path=None, size=1, max_size=1, our_domain="x")
    assert deep == Screened(Verdict.UNPARSEABLE, "unparseable.structure", "its parts are nested more than 50 deep")


def test_ids() -> None:
    """The ids are these, in this order; they are recorded, and so they stay."""
    assert [rule.id for rule in RULES] == [
        "unparseable.structure",
        "loop.mark",
        "loop.message-id",
        "loop.received",
        "bounce.null-reverse-path",
        "bounce.daemon-reverse-path",
        "bounce.delivery-status",
        "bounce.untyped-report",
        "bounce.failed-recipients",
        "bounce.field",
        "bounce.delivery-status-part",
        "bounce.opening",
        "bounce.daemon-sender",
        "report.mdn",
        "report.feedback",
        "report.tls",
        "report.dmarc",
        "report.notice",
        "report.other",
        "auto-reply.auto-submitted",
        "auto-reply.field",
        "auto-reply.mailbox-rule",
        "auto-reply.mailproc",
        "auto-generated.auto-submitted",
        "auto-generated.field",
        "bulk.precedence",
        "bulk.list-unsubscribe",
        "bulk.feedback-id",
        "list.field",
        "too-big.size",
        "human",
    ]


# The null path and a daemon's path, and what knows better ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "mailer-daemon@example.net"])
@pytest.mark.parametrize(
    ("head", "body", "rule"),
    [
        (ANN + MDN, "", "report.mdn"),
        (POSTMASTER + MDN, "", "report.mdn"),
        (DAEMON + MDN, "", "report.mdn"),
        (f"{DAEMON}TLS-Report-Domain: a\nTLS-Report-Submitter: b\n", "", "report.tls"),
        (f"{ANN}Content-Type: multipart/report; report-type=x\n", "", "report.other"),
        (f"{ANN}{SUBJECT}Content-Type: application/zip\n", "", "report.dmarc"),
        (POSTMASTER, NOTICE, "report.notice"),
        (ANN + MDN + REPLIED, "", "report.mdn"),
        (ANN + REPLIED, "", "auto-reply.auto-submitted"),
        (POSTMASTER + REPLIED, "", "auto-reply.auto-submitted"),
        (f"{ANN}X-Autoreply: yes\n", "", "auto-reply.field"),
        (f"{ANN}Precedence: auto_reply\n", "", "auto-reply.field"),
    ],
)
def test_who_knows_better_than_the_path(head: str, body: str, rule: str, path: str) -> None:
    """A typed report, and the answer of a responder that is no mail system, are what they say."""
    assert screened(head, body, path).rule == rule


@pytest.mark.parametrize("path", ["", "mailer-daemon@example.net"])
@pytest.mark.parametrize(
    ("head", "body"),
    [
        (ANN, ""),
        (ANN + DSN, ""),
        (ANN + DSN + REPLIED, ""),
        (DAEMON + REPLIED, ""),
        (f"{ANN}{REPLIED}Content-Type: multipart/report\n", ""),
        (f"{ANN}{REPLIED}X-Failed-Recipients: x\n", ""),
        (f"{ANN}{REPLIED}X-MS-Exchange-Message-Is-Ndr:\n", ""),
        (ANN + REPLIED + MIXED, STATUS),
        (ANN + REPLIED, "This is the mail system at host"),
        (f"{ANN}Auto-Submitted: auto-generated\n", ""),
        (f"{ANN}Auto-Submitted: no\n", ""),
        (f"{ANN}Precedence: bulk\nList-Id: <x.example.org>\n", ""),
        (f"{ANN}Content-Type: message/delivery-status\nTLS-Report-Domain: a\nTLS-Report-Submitter: b\n", ""),
    ],
)
def test_everything_else_with_such_a_path_is_a_bounce(head: str, body: str, path: str) -> None:
    """The path decides where nothing else does, and a mail system's answer is a bounce."""
    found = screened(head, body, path)
    assert (found.verdict, found.rule) == ("bounce", f"bounce.{'daemon' if path else 'null'}-reverse-path")


def test_the_envelope_overrules_the_field() -> None:
    """Where the envelope is known, no field and no line of an mbox tells of it."""
    assert screened(NULL + ANN, "", "bob@example.net").rule == "human"
    assert screened(f"Return-Path: <bob@example.net>\n{ANN}", "", "").rule == "bounce.null-reverse-path"
    assert screened(f"From MAILER-DAEMON Mon Nov  2 09:00:00 2026\n{ANN}").rule == "bounce.null-reverse-path"
    assert screened(f"From MAILER-DAEMON Mon Nov  2 09:00:00 2026\n{ANN}", "", "bob@example.net").rule == "human"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (f"{ANN}X-Failed-Recipients: x\n", ""),
        (ANN + MIXED, STATUS),
        (POSTMASTER, ""),
        (POSTMASTER + MIXED, "--b\nContent-Type: message/rfc822\n\nContent-Type: message/delivery-status\n\nx\n--b--\n"),
        (f"{ANN}X-MS-Exchange-Inbox-Rules-Loop: x\n", ""),
        (f"{ANN}X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent\n", ""),
        (ANN, NOTICE),
    ],
)
def test_what_a_person_may_have(head: str, body: str) -> None:
    """Signs that people's mail can have as well are none without a mail system."""
    assert screened(head, body).rule == "human"


def test_a_rule_of_a_mailbox_is_that_alone() -> None:
    """Other agents of Exchange write no answers."""
    head = f"{NULL}{ANN}X-MS-Exchange-Generated-Message-Source: %s\n"
    assert screened(head % "mailbox  rules\n agent").rule == "auto-reply.mailbox-rule"
    assert screened(head % "Journal Agent").rule == "bounce.null-reverse-path"
    assert screened(head % "Mailbox Rules Agent 2").rule == "bounce.null-reverse-path"


# The tables ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        *(
            (f"{name}: {value}", "auto-reply.field")
            for name in ("X-Autoreply", "X-Auto-Reply", "X-Autoresponder")
            for value in ("yes", "", "nope")
        ),
        *(
            (f"{name}: {value}", "auto-reply.field")
            for name in ("X-Mail-Autoreply", "X-Amazon-Auto-Reply", "X-Vacation")
            for value in ("1", "Yes")
        ),
        *(
            (f"{name}: {value}", "human")
            for name in ("X-Autoreply", "X-Auto-Reply", "X-Autoresponder")
            for value in ("no", "NO (x)", "false")
        ),
        *(
            (f"{name}: {value}", "human")
            for name in ("X-Mail-Autoreply", "X-Amazon-Auto-Reply", "X-Vacation")
            for value in ("No", "False")
        ),
        *((f"X-Autorespond: {value}", "auto-reply.field") for value in ("", "no", "x")),
        *((f"X-AutoReply-From: {value}", "auto-reply.field") for value in ("", "no", "ann@example.org")),
        *((f"X-Autogenerated: {value}", "auto-reply.field") for value in ("Reply", "REPLY (x)")),
        *((f"X-Autogenerated: {value}", "human") for value in ("", "replies", "yes")),
        *(
            (f"X-Autogenerated: {value}", "auto-generated.field")
            for value in ("Forward", "group", "LETTER", "Mirror", "redirect")
        ),
        *(
            (f"X-POST-MessageClass: {value}", "auto-reply.field")
            for value in ("9; Autoresponder", "9;autoresponder", "9;\n\tAutoResponder")
        ),
        *((f"X-POST-MessageClass: {value}", "human") for value in ("9", "9; x", "1; Autoresponder", "19; Autoresponder")),
        *((f"{name}: auto_reply", "auto-reply.field") for name in ("Preference", "Precedence", "X-Precedence")),
        *((f"{name}: Auto_Reply (x)", "auto-reply.field") for name in ("Preference", "Precedence", "X-Precedence")),
        *((f"{name}: auto_replyx", "human") for name in ("Preference", "X-Precedence")),
        ("Precedence: auto_replyx", "bulk.precedence"),
        ("Precedence: bulk\nPrecedence: auto_reply", "auto-reply.field"),
        ("Delivered-To: Autoresponder", "auto-reply.field"),
        ("Delivered-To: autoresponder@example.org", "human"),
        ("X-FC-MachineGenerated: TRUE", "auto-generated.field"),
        ("X-FC-MachineGenerated: truely", "human"),
        ("X-FC-MachineGenerated:", "human"),
        ("X-Cron-Env:", "auto-generated.field"),
        ("X-Autorespond-Not: x", "human"),
    ],
)
def test_fields(field: str, rule: str) -> None:
    """Each field of the tables, with the values that count, and those that do not."""
    assert screened(f"{ANN}{field}\n").rule == rule


def part_named(name: str) -> str:
    """A mail with a file of this name that has no type of its own."""
    disposition = f'Content-Disposition: attachment; filename="{name}"'
    return f"--b\nContent-Type: application/octet-stream\n{disposition}\n\nx\n--b--\n"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        *((f"a!b!1!2{end}", "report.dmarc") for end in (".xml", ".xml.gz", ".xml.zip", ".gz", ".zip", "!id.zip", ".XML")),
        *((f"a!b!1!2{end}", "human") for end in ("", ".txt", ".xml.txt", ".xmlx", "!.zip", "!a!b.zip", ".xml.xz")),
        *((name, "human") for name in ("a!b!1.zip", "!b!1!2.zip", "a!!1!2.zip", "a!b!x!2.zip", "a!b!1!x.zip", "a!b!!2.zip")),
    ],
)
def test_names_of_aggregate_reports(name: str, rule: str) -> None:
    """The name of the file has a fixed form: receiver, domain, begin, end, and an id where there are several."""
    assert screened(ANN + SUBJECT + MIXED, part_named(name)).rule == rule
    assert screened(f"{ANN}Subject: Report\n{MIXED}", part_named(name)).rule == "human"


@pytest.mark.parametrize(
    ("subject", "rule"),
    [
        *(
            (f"{before}report domain: a submitter: b", "report.dmarc")
            for before in ("", "[Preview] ", "[preview]", "DMARC ", "Dmarc Aggregate ")
        ),
        *((f"{before}report domain: a submitter: b", "human") for before in ("Fwd: ", "Re: ", "[x] ", "a ", "dmarc a ")),
        ("Report Domain:submitter:", "report.dmarc"),
        (f"Report Domain:{' ' * 974}submitter:", "report.dmarc"),
        (f"Report Domain:{' ' * 975}submitter:", "human"),
        ("Report Domain: a", "human"),
        ("Report Domain: a presubmitter: b", "human"),
        ("Domain: a submitter: b", "human"),
    ],
)
@pytest.mark.parametrize("kind", ["application/zip", "application/x-zip-compressed", "application/gzip", "application/x-gzip"])
def test_subjects_of_aggregate_reports(subject: str, rule: str, kind: str) -> None:
    """The subject has a fixed form, too; a forwarded one has something before it."""
    assert screened(f"{ANN}Subject: {subject}\nContent-Type: {kind}\n").rule == rule


@pytest.mark.parametrize("kind", ["text/plain", "application/pdf", "application/tlsrpt", "text/xml"])
def test_files_that_are_no_reports(kind: str) -> None:
    """The subject alone is a person's."""
    assert screened(f"{ANN}{SUBJECT}Content-Type: {kind}\n").rule == "human"
    assert screened(f"{ANN}Content-Type: application/tlsrpt+gzip\n").rule == "human"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (NOTICE, "report.notice"),
        (f"\n {NOTICE} \n", "report.notice"),
        ('{"eventType": "Bounce", "mail": {}, "bounce": {}}', "report.notice"),
        ('{"Type": "Notification", "MessageId": "1", "TopicArn": "x"}', "report.notice"),
        (f"{NOTICE}\n--\nIf you wish to stop", "report.notice"),
        (NOTICE[:16] + "\n" + NOTICE[16:], "report.notice"),
        (NOTICE.replace("Bounce", "a\\\r\nn"), "report.notice"),
        (f"{NOTICE}\n-\nAnn", "human"),
        (f"{NOTICE}\nWhat is that?", "human"),
        (f"x{NOTICE}", "human"),
        ('{"notificationType": "Bounce"}', "human"),
        ('{"eventType": "Bounce"}', "human"),
        ('{"mail": {}}', "human"),
        ('{"Type": "Notification", "MessageId": "1"}', "human"),
        ('{"Type": "Notification", "TopicArn": "x"}', "human"),
        ('{"MessageId": "1", "TopicArn": "x"}', "human"),
        ('{"notificationType": "Bounce", "mail": {}', "human"),
        ('["notificationType", "mail"]', "human"),
        ('"notificationType"', "human"),
        ('{"a":' * 100_000, "human"),
        ('{"notificationType": ' + "9" * 5000 + ', "mail": 1}', "human"),
        (f'{{"notificationType": "{"x" * (256 * 1024 - 35)}", "mail": 1}}', "report.notice"),
        (f'{{"notificationType": "{"x" * (256 * 1024 - 34)}", "mail": 1}}', "human"),
    ],
    ids=range(23),
)
def test_notices(text: str, rule: str) -> None:
    """The text is one JSON object with the members of a notice, at most 256 KiB long, and below it nothing but a footer."""
    assert screened("From: no-reply@sns.example.com\n", text).rule == rule
    assert screened(POSTMASTER, text).rule == rule


def test_a_list_needs_no_more_than_a_field() -> None:
    """What a list is called bulk for is Precedence alone."""
    for field in ("List-Id", "List-Post"):
        assert screened(f"{ANN}{field}: x\nList-Unsubscribe: x\nFeedback-ID: x\n").rule == "list.field"
        assert screened(f"{ANN}{field}: x\nPrecedence: list\n").rule == "bulk.precedence"


def test_fifty_hops() -> None:
    """Fifty Received fields are usual enough, one more is a loop."""
    assert screened(ANN + "Received: x\n" * 50).rule == "human"
    assert screened(ANN + "Received: x\n" * 60).reason == "it has 60 Received fields"


def test_a_keyword_begins_where_it_begins() -> None:
    """Only blanks and quotes are left out before it, and it ends at the first thing that can be in no keyword."""
    assert screened(f"{ANN}Auto-Submitted: Xno\n").rule == "auto-generated.auto-submitted"
    assert screened(f'{ANN}Auto-Submitted: " no\n').rule == "human"
    for end in (" x", ";x", ",x", '"x', "\tx"):
        assert screened(f"{ANN}Auto-Submitted: no{end}\n").rule == "human"


def test_the_type_of_a_report_may_have_blanks() -> None:
    """A quoted report-type is read without the blanks in its quotes."""
    assert screened(f'{ANN}Content-Type: multipart/report; report-type=" Delivery-Status "\n').rule == "bounce.delivery-status"
    assert screened(f'{ANN}Content-Type: multipart/report; report-type=" "\n').rule == "bounce.untyped-report"


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("17485103:user:proton", "human"),
        (" i197146AF:Fastmail ", "human"),
        ("example.org:bg:qybglogicsvrgz:qybglogicsvrgz5a-1", "human"),
        ("17485103:user:protons", "bulk"),
        ("x:user:proton", "bulk"),
        ("ix:Fastmail", "bulk"),
        ("a:b:c:Fastmail", "bulk"),
        ("a:b:c", "bulk"),
        ("", "bulk"),
    ],
)
def test_what_providers_of_mailboxes_count(value: str, verdict: str) -> None:
    """They put a Feedback-ID on what people write; everybody else's is that of a campaign."""
    assert screened(f"{ANN}Feedback-ID: {value}\n").verdict == verdict
    assert screened(f"{ANN}Feedback-ID: {value}\nFeedback-ID: x\n").verdict == "bulk"
