"""Reports about mail that did arrive: receipts, complaints, statistics; some under the null path."""

from __future__ import annotations

import json

from tests.screening.forms.drafts import (
    Dice,
    Draft,
    encoded_words,
    mail,
    multipart,
    part,
    subject,
    text_part,
    topic,
    words_part,
)

Fields = tuple[tuple[str, str], ...]


def _head(dice: Dice, author: str) -> Fields:
    return (("From", author), ("To", dice.person()), ("Message-ID", dice.message_id()))


def _receipt(dice: Dice, mode: str = "manual-action/MDN-sent-manually; displayed") -> str:
    about = f"Final-Recipient: rfc822; {dice.person()}\nOriginal-Message-ID: {dice.message_id()}\nDisposition: {mode}\n"
    return part("message/disposition-notification", about)


def mdn(dice: Dice) -> Draft:
    """A receipt of a person's program (RFC 8098), whose path must be null."""
    kind = dice.choice(("report-type=disposition-notification", 'report-type="Disposition-Notification"'))
    fields, body = multipart(dice, f"multipart/report; {kind}", words_part(dice), _receipt(dice))
    return mail(dice.path(None, "<ann@example.org>"), _head(dice, dice.author()), topic(dice), fields, body=body)


def mdn_automatic(dice: Dice) -> Draft:
    """A receipt that a program gave without asking."""
    receipt = _receipt(dice, "automatic-action/MDN-sent-automatically; deleted")
    fields, body = multipart(dice, "multipart/report; report-type=disposition-notification", words_part(dice), receipt)
    replied = ("Auto-Submitted", "auto-replied")
    return mail(dice.path(None), _head(dice, dice.author()), topic(dice), replied, fields, body=body)


def mdn_of_a_rejection(dice: Dice) -> Draft:
    """Sieve's reject, which answers with a receipt from the mail system (RFC 5429)."""
    receipt = _receipt(dice, "automatic-action/MDN-sent-automatically; deleted")
    fields, body = multipart(dice, "multipart/report; report-type=disposition-notification", words_part(dice), receipt)
    author = dice.choice((f"Mail Delivery Subsystem <postmaster@{dice.host()}>", f"MAILER-DAEMON@{dice.host()}"))
    path = dice.path(None, "<MAILER-DAEMON>")
    return mail(path, _head(dice, author), subject(dice, "Rejected: hello"), fields, body=body)


def mdn_bare(dice: Dice) -> Draft:
    """The receipt is the whole mail."""
    kind = dice.choice(("message/disposition-notification", "message/global-disposition-notification"))
    text = "Final-Recipient: rfc822; ann@example.org\nDisposition: manual-action/MDN-sent-manually; displayed\n"
    return mail(dice.path(None), _head(dice, dice.author()), ("Content-Type", kind), body=text)


def _feedback(dice: Dice, kind: str) -> str:
    return part("message/feedback-report", f"Feedback-Type: {kind}\nUser-Agent: example/1.0\nVersion: 1\n")


def arf(dice: Dice) -> Draft:
    """A complaint about abuse (RFC 5965), a failed DMARC check (RFC 6591)."""
    about = _feedback(dice, dice.choice(("abuse", "fraud", "auth-failure", "not-spam")))
    original = part("message/rfc822", f"From: {dice.author()}\nSubject: hello\n\nHello.\n")
    fields, body = multipart(dice, "multipart/report; report-type=feedback-report", words_part(dice), about, original)
    author = dice.choice((f"feedback@{dice.domain()}", f"postmaster@{dice.domain()}", f"MAILER-DAEMON@{dice.host()}"))
    return mail(dice.path(None, "<feedback@example.net>"), _head(dice, author), topic(dice), fields, body=body)


def arf_bare(dice: Dice) -> Draft:
    """The complaint is the whole mail."""
    kind = ("Content-Type", "message/feedback-report")
    return mail(dice.path(None), _head(dice, f"feedback@{dice.domain()}"), kind, body="Feedback-Type: abuse\nVersion: 1\n")


def _of_domain(dice: Dice) -> str:
    before = dice.choice(("", "", "[Preview] ", "DMARC ", "Dmarc Aggregate "))
    named = f"Report Domain: {dice.domain()} Submitter: {dice.domain()} Report-ID: <{dice.word()}@{dice.host()}>"
    return before + dice.choice((named, named.lower()))


def tls_by_type(dice: Dice) -> Draft:
    """A report on TLS (RFC 8460)."""
    packed = part("application/tlsrpt+gzip", "H4sIAAAA", ("Content-Transfer-Encoding", "base64"))
    fields, body = multipart(dice, "multipart/report; report-type=tlsrpt", words_part(dice), packed)
    return mail(dice.path(None), _head(dice, f"no-reply@{dice.domain()}"), topic(dice), fields, body=body)


def tls_by_field(dice: Dice) -> Draft:
    """The two fields that such a report must have."""
    fields, body = text_part(dice)
    named = (("TLS-Report-Domain", dice.domain()), ("TLS-Report-Submitter", dice.domain()))
    return mail(dice.path(None), _head(dice, f"no-reply@{dice.domain()}"), topic(dice), named, fields, body=body)


def tls_by_file(dice: Dice) -> Draft:
    """The subject and the file alone."""
    kind = dice.choice(("application/tlsrpt+gzip", "application/tlsrpt+json"))
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), part(kind, "H4sIAAAA"))
    return mail(_head(dice, dice.author()), ("Subject", _of_domain(dice)), fields, body=body)


def dmarc_packed(dice: Dice) -> Draft:
    """An aggregate report (RFC 7489): a packed file."""
    kind = dice.choice(("application/zip", "application/gzip", "application/x-gzip", "application/x-zip-compressed"))
    packed = part(
        kind, "UEsDBAoA\n", ("Content-Transfer-Encoding", "base64"), ("Content-Disposition", "attachment; filename=a")
    )
    about = ("Subject", encoded_words(dice, _of_domain(dice)))
    author = f"noreply-dmarc@{dice.domain()}"
    if dice.random() < 0.5:
        return mail(dice.path(None), _head(dice, author), about, ("Content-Type", kind), body="PK")
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), packed)
    return mail(dice.path(None), _head(dice, author), about, fields, body=body)


def dmarc_by_name(dice: Dice) -> Draft:
    """One whose type says nothing, under the fixed name."""
    end = dice.choice((".xml", ".xml.gz", ".zip", ".gz", "!id7.xml.gz", ".XML.ZIP"))
    name = f"{dice.domain()}!{dice.domain()}!1793577600!1793663999{end}"
    kind = dice.choice(("application/octet-stream", "text/xml", "application/xml"))
    file = part(kind, "<feedback/>", ("Content-Disposition", f'attachment; filename="{name}"'))
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), file)
    return mail(dice.path(None), _head(dice, dice.author()), ("Subject", _of_domain(dice)), fields, body=body)


def _notice(dice: Dice, content: dict[str, object], footer: str = "") -> Draft:
    text = json.dumps(content, indent=dice.choice((None, 1, 2)))
    fields, body = text_part(dice, dice.choice(("", "\n")) + text + footer)
    author = dice.choice(
        ("AWS Notifications <no-reply@sns.amazonaws.com>", f"noreply@{dice.domain()}", f"notification@{dice.domain()}")
    )
    return mail(dice.path(None, f"<{dice.word()}@{dice.domain()}>"), _head(dice, author), topic(dice), fields, body=body)


def sns_envelope(dice: Dice) -> Draft:
    """A notification of Amazon SNS with its envelope in JSON."""
    inner = json.dumps({"notificationType": "Bounce", "mail": {"messageId": dice.word()}})
    kind = dice.choice(("Notification", "SubscriptionConfirmation"))
    return _notice(dice, {"Type": kind, "MessageId": dice.word(), "TopicArn": "arn:aws:sns:eu-west-1:1:x", "Message": inner})


def ses_notification(dice: Dice) -> Draft:
    """A notification of Amazon SES, with the footer that SNS writes below it."""
    kind = dice.choice(("Bounce", "Complaint", "Delivery"))
    content = {"notificationType": kind, kind.lower(): {"timestamp": "2026"}, "mail": {"source": dice.person()}}
    footer = dice.choice(("", "\n\n--\nIf you wish to stop receiving notifications from this topic, please visit the link\n"))
    return _notice(dice, content, footer)


def ses_event(dice: Dice) -> Draft:
    """An event of Amazon SES."""
    return _notice(dice, {"eventType": "Bounce", "mail": {"source": dice.person()}, "bounce": {"bounceType": "Permanent"}})


def other_type(dice: Dice) -> Draft:
    """A multipart/report of a type that is registered, but that nobody here reads."""
    kind = dice.choice(("vnd.example", "tracking-status", "x-moderation"))
    fields, body = multipart(dice, f"multipart/report; report-type={kind}", words_part(dice))
    return mail(dice.path(None), _head(dice, dice.author()), topic(dice), fields, body=body)
