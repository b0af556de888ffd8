"""Automatic mail, and mail of people that looks like it (B43 to B54, B57, B58)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mailproc.testing import make_mail
from tests.corpus.cases import ANN, SIGNED, Case, People
from tests.screening.forms import bounces, generated, make, many, people, replies, reports
from tests.screening.forms.drafts import Dice, Draft, render

Form = Callable[[Dice], Draft]

DOMAIN = "mailproc.invalid"  # our own, where there is no configuration
TEXT = "Content-Type: text/plain; charset=utf-8\n\nHello, the printer does not print any more.\n"
ABSENT = ("Out of office", "Automatic reply: the printer", "Out of Office AutoReply: Re: printer")
ABSENT_ELSEWHERE = {
    "german": "=?utf-8?q?Abwesenheitsnotiz=3A_Drucker?=",
    "french": "=?iso-8859-1?q?R=E9ponse_automatique_=3A_imprimante?=",
    "russian": "=?utf-8?b?0JDQstGC0L7QvNCw0YLQuNGH0LXRgdC60LjQuSDQvtGC0LLQtdGC?=",
    "japanese": "=?iso-2022-jp?b?GyRCPCtGMDF+RXobKEI=?=",
}


def cases() -> list[Case]:
    """All cases of these classes, the same each time."""
    return [case for make_cases in CLASSES for case in make_cases()]


def dropped(verdict: str) -> dict[str, str]:
    """What must come of a machine's mail."""
    return {"verdict": verdict, "action": "drop"}


def processed(verdict: str = "human") -> dict[str, str]:
    """What must come of the mail of a person who is known."""
    return {"verdict": verdict, "action": "process", "sender": ANN, "authentication.level": "weak"}


def variants(name: str, form: Form, wanted: dict[str, str], count: int = 3) -> Iterator[Case]:
    """Some mails of a form; the seeds are fixed."""
    label = form.__name__.replace("_", "-")
    return (Case(f"{name}.{label}-{seed}", make(form, seed), wanted) for seed in range(count))


def by_ann(form: Form, seed: int) -> bytes:
    """One mail of a form, but from Ann."""
    dice = Dice(seed)
    draft = form(dice)
    kept = tuple(field for field in draft.fields if field[0] not in ("From", "Return-Path"))
    return render(Draft((("Return-Path", f"<{ANN}>"), ("From", f"Ann <{ANN}>"), *kept), draft.body), dice)


def of_ann(name: str, form: Form, verdict: str = "human", count: int = 3) -> Iterator[Case]:
    """Some mails of a form, from Ann, who is a person."""
    label = form.__name__.replace("_", "-")
    return (Case(f"{name}.{label}-{seed}", by_ann(form, seed), processed(verdict)) for seed in range(count))


def letter(*lines: str) -> bytes:
    """A letter of Ann's with some lines more in its header."""
    head = "\n".join([*lines, f"From: Ann <{ANN}>", "To: robot@example.org", "Message-ID: <1@example.org>"])
    return f"{head}\n{TEXT}".encode()


def bounces_without_a_report() -> Iterator[Case]:
    """B43: bounces of many mailers, none in a multipart/report."""
    for form in (
        bounces.qmail,
        bounces.netqmail_renamed,
        bounces.qmail_double_bounce,
        bounces.exim_old,
        bounces.exim_renamed,
        bounces.exim_warning,
        bounces.postfix_by_hand,
        bounces.sendmail_old,
        bounces.sendmail_warning,
        bounces.exchange_5,
        bounces.exchange_2003,
        bounces.exchange_online_bare,
        bounces.gmail_old,
        bounces.courier_flat,
        bounces.domino_flat,
        bounces.notes,
        bounces.mdaemon,
        bounces.mailenable,
        bounces.yahoo,
        bounces.yahoo_flat,
        bounces.groupwise,
        bounces.iis,
        bounces.messaging_server,
        bounces.opensmtpd,
        bounces.mixed_status,
        bounces.bare_status,
    ):
        yield from variants("B43", form, dropped("bounce"))


def null_paths() -> Iterator[Case]:
    """B44: the null path in each spelling, above a letter that has no other sign."""
    spellings = {
        "plain": "Return-Path: <>",
        "blank": "Return-Path: < >",
        "blanks": "Return-Path:    <   >   ",
        "tab": "Return-Path:\t<\t>",
        "folded": "Return-Path:\n <>",
        "comment-behind": "Return-Path: <> (null)",
        "comment-before": "return-path: (a (nested) comment) <>",
        "twice": "Return-Path: <>\nReturn-Path: < >",
        "above-another": f"Return-Path: <>\nReturn-Path: <{ANN}>",
        "mbox": "From MAILER-DAEMON Mon Nov  2 09:00:00 2026",
        "daemon": "Return-Path: <MAILER-DAEMON>",
    }
    for name, line in spellings.items():
        yield Case(f"B44.{name}", letter(line), dropped("bounce"))
    others = {
        "below-another": f"Return-Path: <{ANN}>\nReturn-Path: <>",
        "empty-field": "Return-Path:",
        "half": "Return-Path: <",
        "mbox-of-a-person": f"From {ANN} Mon Nov  2 09:00:00 2026",
    }
    for name, line in others.items():
        yield Case(f"B44.{name}", letter(line), processed())


def out_of_office_by_subject() -> Iterator[Case]:
    """B45: a subject alone is no evidence; B46: in no language, and with evidence in every language."""
    for number, subject in enumerate(ABSENT):
        yield Case(f"B45.subject-{number}", letter(f"Subject: {subject}"), processed())
    for language, subject in ABSENT_ELSEWHERE.items():
        yield Case(f"B46.{language}-subject", letter(f"Subject: {subject}"), processed())
        field = "Auto-Submitted: auto-replied (vacation)"
        yield Case(f"B46.{language}-answer", letter(f"Subject: {subject}", field), dropped("auto-reply"))
    for form in (replies.sieve_vacation, replies.gmail_vacation, replies.exchange_online, replies.zimbra, replies.others):
        yield from variants("B46", form, dropped("auto-reply"))


def challenges() -> Iterator[Case]:
    """B47: challenge and response."""
    for form in (replies.challenge_of_tmda, replies.challenge_of_boxtrapper, replies.cpanel, replies.request_tracker):
        yield from variants("B47", form, dropped("auto-reply"))


def machine_reports() -> Iterator[Case]:
    """B48: receipts, complaints, TLS and DMARC reports; B49: notices in JSON."""
    for form in (
        reports.mdn,
        reports.mdn_automatic,
        reports.mdn_of_a_rejection,
        reports.mdn_bare,
        reports.arf,
        reports.arf_bare,
        reports.tls_by_type,
        reports.tls_by_field,
        reports.tls_by_file,
        reports.dmarc_packed,
        reports.dmarc_by_name,
    ):
        yield from variants("B48", form, dropped("report"))
    for form in (reports.sns_envelope, reports.ses_notification, reports.ses_event):
        yield from variants("B49", form, dropped("report"))
    yield from of_ann("B49", people.notice_pasted)


def bounce_with_a_real_original() -> Iterator[Case]:
    """B50: a notification whose original is a letter of Ann's, who is known."""
    original = letter("Subject: hello").decode()
    parts = (
        "Content-Type: text/plain\n\nIt was not delivered.\n",
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\nAction: failed\nStatus: 5.1.1\n",
        f"Content-Type: message/rfc822\n\n{original}",
    )
    body = "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    kind = "Content-Type: multipart/report; report-type=delivery-status; boundary=b"
    senders = {"daemon": "MAILER-DAEMON@mx.example.net", "postmaster": "postmaster@mx.example.net", "forged": f"Ann <{ANN}>"}
    for name, sender in senders.items():
        for path in ("Return-Path: <>\n", ""):
            raw = f"{path}From: {sender}\nTo: {ANN}\nSubject: failure\n{kind}\n\n{body}".encode()
            yield Case(f"B50.{name}{'-null-path' if path else ''}", raw, dropped("bounce"))


def people_with_bounces() -> Iterator[Case]:
    """B51: people forward, quote, paste and answer bounces and reports."""
    for form in (
        people.bounce_as_a_file,
        people.bounce_alone,
        people.bounces_in_a_digest,
        people.bounce_inline,
        people.report_inside,
        people.bounce_quoted,
        people.bounce_pasted,
        people.reply_to_a_bounce,
        people.failed_recipients_of_a_person,
        people.report_as_a_file,
        people.file_named_like_a_report,
        people.out_of_office_by_subject,
        people.suppressing,
        people.redirected,
        people.denying_fields,
        people.smime,
        people.invitation,
        people.asks_for_a_receipt,
    ):
        yield from of_ann("B51", form)
    signed = {"verdict": "human", "action": "process", "authentication.level": "strong"}
    yield Case("B51.signed-question-about-a-bounce", _signed, signed)


def _signed(keys: People) -> bytes:
    text = "Why is that?\n\n> This is the mail system at host mx.example.net.\n> X-Failed-Recipients: x@example.net\n"
    return make_mail(sender=ANN, to="robot@example.org", subject="failure notice", text=text, key=keys.ann, at=SIGNED)


def lists_and_newsletters() -> Iterator[Case]:
    """B52: posts of lists are not dropped, newsletters are."""
    for form in (many.list_with_id, many.list_by_post, many.list_about_a_bounce, many.list_of_a_person_who_says_no):
        yield from of_ann("B52", form, "list")
    for form in (many.bulk_newsletter, many.bulk_campaign, many.bulk_mailman, many.bulk_ezmlm, many.bulk_google_groups):
        yield from variants("B52", form, dropped("bulk"))


def what_the_sender_says() -> Iterator[Case]:
    """B53: ``Auto-Submitted: no`` is a person's in each spelling; any Precedence is bulk, by policy."""
    yield from of_ann("B53", people.auto_submitted_no, count=8)
    for form in (generated.extensions, generated.monitoring, generated.sieve_notify, generated.with_a_no, generated.cron):
        yield from variants("B53", form, dropped("auto-generated"))
    yield from variants("B53", replies.several_fields, dropped("auto-reply"))
    yield from variants("B53", replies.comments_and_quotes, dropped("auto-reply"), 8)
    for value in ("bulk", "junk", "list", "first-class", "special-delivery", ""):
        yield Case(f"B53.precedence-{value or 'empty'}", letter(f"Precedence: {value}"), dropped("bulk"))
    yield Case("B53.precedence-and-no", letter("Auto-Submitted: no", "Precedence: bulk"), dropped("bulk"))


def our_own() -> Iterator[Case]:
    """B54: our own mail, come back; B57: by an alias, which gives it a path and fields of its own."""
    marks = {
        "mark": f"X-Loop: mailproc/{DOMAIN}",
        "mark-in-capitals": f"X-LOOP: MAILPROC/{DOMAIN.upper()}",
        "mark-among-others": f"X-Loop: other@example.org\nX-Loop: mailproc/{DOMAIN}",
        "message-id": f"Message-ID: <mailproc.abc.1@{DOMAIN}>",
    }
    for name, mark in marks.items():
        raw = f"{mark}\nFrom: robot@{DOMAIN}\nTo: {ANN}\nSubject: Re: hello\nAuto-Submitted: auto-replied\n{TEXT}"
        yield Case(f"B54.{name}", raw.encode(), dropped("loop"))
        yield Case(f"B54.{name}-bounced", f"Return-Path: <>\n{raw}".encode(), dropped("loop"))
        alias = f"Return-Path: <srs0=x=example.org=ann@example.net>\nDelivered-To: robot@example.org\nResent-From: {ANN}\n"
        yield Case(f"B57.{name}", f"{alias}{raw}".encode(), dropped("loop"))
        listed = (
            "Return-Path: <list-bounces@example.net>\nList-Id: <all.example.net>\nPrecedence: list\nSender: list@example.net\n"
        )
        yield Case(f"B57.{name}-by-a-list", f"{listed}{raw}".encode(), dropped("loop"))
    yield Case("B54.another-mailproc", letter(f"X-Loop: mailproc/not-{DOMAIN}"), dropped("auto-reply"))
    others = (f"In-Reply-To: <mailproc.abc.1@{DOMAIN}>", "X-Loop: ann@example.org")
    for number, line in enumerate(others):
        yield Case(f"B54.others-{number}", letter(line), processed())


def hops() -> Iterator[Case]:
    """B58: more than fifty Received fields are a loop."""
    line = "Received: from a.example.net by b.example.net; Mon, 2 Nov 2026 08:00:00 +0000"
    for count in (51, 52, 200, 900):
        yield Case(f"B58.{count}-hops", letter(*[line] * count), dropped("loop"))
    for count in (1, 49, 50):
        yield Case(f"B58.{count}-hops", letter(*[line] * count), processed())


CLASSES = (
    bounces_without_a_report,
    null_paths,
    out_of_office_by_subject,
    challenges,
    machine_reports,
    bounce_with_a_real_original,
    people_with_bounces,
    lists_and_newsletters,
    what_the_sender_says,
    our_own,
    hops,
)
