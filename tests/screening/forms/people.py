"""Mail of people that looks like something else."""

from __future__ import annotations

from tests.screening.forms import bounces, reports
from tests.screening.forms.drafts import (
    TONGUES,
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
FIELDS_OF_BOUNCES = (
    "Return-Path: <>\nFrom: MAILER-DAEMON@example.org\nX-Failed-Recipients: x@example.net\nAuto-Submitted: auto-replied"
)
BOUNCES = (
    bounces.postfix,
    bounces.exim,
    bounces.exim_old,
    bounces.qmail,
    bounces.gmail,
    bounces.exchange_5,
    bounces.mixed_status,
)
OPENINGS = (
    "Hi. This is the qmail-send program at mail.example.org.\nI'm afraid I wasn't able to deliver your message.",
    "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered",
    "This is the mail system at host mail.example.org.\n\nI'm sorry to have to inform you",
    "The original message was received at Mon, 2 Nov 2026 09:00:00 GMT\nfrom localhost",
    "Your message\n\n  To:      x@example.net\n  Subject: hello\n\ndid not reach the following recipient(s):",
    "Delivery has failed to these recipients or groups:\n\nx@example.net",
)


def _person(dice: Dice, *more: tuple[str, str]) -> Fields:
    """From a person, with that person's path where it is known."""
    address = dice.person()
    author = dice.choice((address, f"<{address}>", f'"A. Person" <{address}>', f"{encoded_words(dice, 'Zoë')} <{address}>"))
    head = (("From", author), ("To", dice.person()), ("Message-ID", dice.message_id()), ("User-Agent", "Example 1.0"))
    return (*dice.path_of(address), *head, *more)


def _written(dice: Dice, draft: Draft) -> str:
    """Another mail as text, for a part or a quote."""
    return "".join(f"{name}: {value}\n" for name, value in draft.fields) + f"\n{draft.body}"


def _bounce(dice: Dice) -> str:
    return _written(dice, dice.choice(BOUNCES)(dice))


def plain(dice: Dice) -> Draft:
    """A letter."""
    fields, body = text_part(dice)
    return mail(_person(dice), topic(dice), fields, body=body)


def alternative(dice: Dice) -> Draft:
    """A letter in two forms."""
    fields, body = multipart(dice, "multipart/alternative", words_part(dice), part("text/html", "<p>Hello</p>"))
    return mail(_person(dice), topic(dice), fields, body=body)


def without_mime(dice: Dice) -> Draft:
    """A letter of an old program."""
    return mail(_person(dice), ("Subject", "hello"), body="Hello.\n")


def bounce_as_a_file(dice: Dice) -> Draft:
    """A bounce is forwarded with a question."""
    forwarded = part("message/rfc822", _bounce(dice), ("Content-Disposition", 'attachment; filename="Undelivered.eml"'))
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), forwarded)
    return mail(_person(dice), subject(dice, "Fwd: Undelivered Mail Returned to Sender"), fields, body=body)


def bounce_alone(dice: Dice) -> Draft:
    """A bounce is forwarded without a word."""
    about = subject(dice, "Fwd: failure notice")
    return mail(_person(dice), about, ("Content-Type", "message/rfc822"), body=_bounce(dice))


def bounces_in_a_digest(dice: Dice) -> Draft:
    """Several bounces are forwarded."""
    digest, inner = multipart(dice, "multipart/digest", f"\n{_bounce(dice)}", f"\n{_bounce(dice)}")
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), part(digest[1][1], inner))
    return mail(_person(dice), topic(dice), fields, body=body)


def bounce_inline(dice: Dice) -> Draft:
    """A bounce is forwarded inline, so that its parts become those of the person's mail."""
    status = part("message/delivery-status", "Reporting-MTA: dns; x\n\nAction: failed\n", ("Content-Disposition", "attachment"))
    original = part("message/rfc822", "From: ann@example.org\n\nHello\n")
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), status, original)
    return mail(_person(dice), subject(dice, "Fwd: Delivery Status Notification (Failure)"), fields, body=body)


def report_inside(dice: Dice) -> Draft:
    """The whole multipart/report is one part of a person's mail."""
    inner = bounces.postfix(dice)
    kind = dict(inner.fields)["Content-Type"]
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), part(kind, inner.body))
    return mail(_person(dice), topic(dice), fields, body=body)


def bounce_quoted(dice: Dice) -> Draft:
    """A bounce is quoted below a question, or above it."""
    quote = "".join(f"> {line}\n" for line in f"{FIELDS_OF_BOUNCES}\n\n{dice.choice(OPENINGS)}".split("\n"))
    fields, body = text_part(dice, dice.choice((f"Why is that?\n\n{quote}", f"{quote}\nWhy is that?\n")))
    return mail(_person(dice), subject(dice, "Re: Undeliverable: hello"), fields, body=body)


def bounce_pasted(dice: Dice) -> Draft:
    """A bounce is pasted as it is, header or text."""
    pasted = dice.choice((*OPENINGS, FIELDS_OF_BOUNCES))
    fields, body = text_part(dice, dice.choice((pasted, f"See:\n\n{pasted}")))
    return mail(_person(dice), subject(dice, "failure notice"), fields, body=body)


def reply_to_a_bounce(dice: Dice) -> Draft:
    """A person answers a daemon, and us."""
    fields, body = text_part(dice)
    answered = (("In-Reply-To", dice.message_id()), ("Cc", f"MAILER-DAEMON@{dice.host()}"))
    about = subject(dice, "Re: Undelivered Mail Returned to Sender")
    return mail(_person(dice), answered, about, fields, body=body)


def failed_recipients_of_a_person(dice: Dice) -> Draft:
    """A program has kept a field of the bounce that it forwards."""
    fields, body = text_part(dice)
    return mail(_person(dice, ("X-Failed-Recipients", dice.person())), topic(dice), fields, body=body)


def auto_submitted_no(dice: Dice) -> Draft:
    """The field says that a person wrote it."""
    fields, body = text_part(dice)
    value = dice.choice(("no", "No", '"no"', "no (really)", "no; a=b", "(auto-replied) no", "no ;x=auto-replied", "no, really"))
    return mail(_person(dice, ("Auto-Submitted", value)), topic(dice), fields, body=body)


def suppressing(dice: Dice) -> Draft:
    """Outlook's wish for silence."""
    fields, body = text_part(dice)
    value = dice.choice(("All", "OOF", "DR, RN, NRN, OOF, AutoReply", "None", "AutoReply"))
    return mail(_person(dice, ("X-Auto-Response-Suppress", value)), topic(dice), fields, body=body)


def redirected(dice: Dice) -> Draft:
    """A rule of an Exchange mailbox has sent a person's mail on."""
    fields, body = text_part(dice)
    head = (
        ("X-MS-Exchange-Inbox-Rules-Loop", dice.person()),
        ("X-MS-Exchange-Generated-Message-Source", "Mailbox Rules Agent"),
        ("Resent-From", dice.person()),
    )
    return mail(_person(dice, *head), topic(dice), fields, body=body)


def out_of_office_by_subject(dice: Dice) -> Draft:
    """A subject alone is no evidence, in no language."""
    subjects = (
        "Out of office",
        "Automatic reply: the printer",
        "Out of Office AutoReply: hello",
        "Abwesenheitsnotiz: Drucker",
        "Réponse automatique : l'imprimante",
        "Автоматический ответ: принтер",
        "自動応答: プリンタ",
        "Undelivered Mail Returned to Sender",
        "Mail delivery failed: returning message to sender",
        "Returned mail: see transcript for details",
        "Delivery Status Notification (Failure)",
        "Unzustellbar: Drucker",
        "Read: hello",
    )
    fields, body = text_part(dice)
    return mail(_person(dice), subject(dice, dice.choice(subjects)), fields, body=body)


def no_reply(dice: Dice) -> Draft:
    """A person writes by way of a service."""
    fields, body = text_part(dice)
    local = dice.choice(("no-reply", "noreply", "do-not-reply", "donotreply", "notifications"))
    author = (("From", f'"Ann by way of us" <{local}@{dice.domain()}>'), ("Reply-To", dice.person()))
    return mail(author, topic(dice), fields, body=body)


def postmaster(dice: Dice) -> Draft:
    """A postmaster is a person, whatever the letter begins with."""
    beginnings = (
        "Hi. This is the postmaster of example.org.",
        "Your message to the list was held.",
        "The original message was received at our relay yesterday.",
        "Delivery has failed to these recipients, can you look?",
        "Please look at this:\n\nThis is the mail system at host mail.example.org.",
        "> Hi. This is the qmail-send program at mail.example.org.\n\nIs that yours?",
        "Failure reasons differ.",
    )
    fields, body = text_part(dice, dice.choice(("", *beginnings)))
    local = dice.choice(("postmaster", "Postmaster", "POSTMASTER"))
    author = dice.choice(
        (f"{local}@{dice.domain()}", f"Zoe <{local}@{dice.domain()}>", f"System Administrator <{local}@{dice.domain()}>")
    )
    return mail(("From", author), topic(dice), dice.path_of(f"postmaster@{dice.domain()}"), fields, body=body)


def postmaster_with_a_file(dice: Dice) -> Draft:
    """A postmaster forwards a bounce."""
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), part("message/rfc822", _bounce(dice)))
    return mail(("From", f"postmaster@{dice.domain()}"), topic(dice), fields, body=body)


def namesake(dice: Dice) -> Draft:
    """Names that only look like a daemon's."""
    fields, body = text_part(dice)
    authors = (
        "Mail Delivery Subsystem Team <ann@example.org>",
        "Daemon Hill <mailer@example.org>",
        "Ann (MAILER-DAEMON) <ann@example.org>",
        "Ann <ann@mailer-daemon.example.org>",
        "mailer-daemons@example.org",
        "ann.mailer-daemon@example.org",
        "Ann <ann+mailer-daemon@example.org>",
    )
    head = (
        ("From", dice.choice(authors)),
        ("Sender", dice.choice((f"MAILER-DAEMON@{dice.host()}", f"postmaster@{dice.host()}"))),
    )
    return mail(head, topic(dice), fields, body=body)


def of_mbox(dice: Dice) -> Draft:
    """A letter out of an mbox."""
    fields, body = text_part(dice)
    who = dice.choice(("ann@example.org", "-", "mailer-daemons@example.org", "uucp"))
    return mail(("From", dice.author()), topic(dice), fields, body=body, postmark=f"From {who} Mon Nov  2 09:00:00 2026\n")


def overruled_path(dice: Dice) -> Draft:
    """The topmost path is a person's; the null path below it was there before; an empty one tells nothing."""
    fields, body = text_part(dice)
    paths = dice.choice(
        ((("Return-Path", "<ann@example.org>"), ("Return-Path", "<>")), (("Return-Path", ""),), (("Return-Path", "<"),))
    )
    return mail(paths, ("From", dice.author()), topic(dice), fields, body=body)


def smime(dice: Dice) -> Draft:
    """Signed with S/MIME."""
    signature = part("application/pkcs7-signature; name=smime.p7s", "MIIB", ("Content-Transfer-Encoding", "base64"))
    kind = 'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256'
    fields, body = multipart(dice, kind, words_part(dice), signature)
    return mail(_person(dice), topic(dice), fields, body=body)


def openpgp(dice: Dice) -> Draft:
    """Signed with OpenPGP."""
    signature = part(
        "application/pgp-signature; name=signature.asc", "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----"
    )
    kind = 'multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha512'
    fields, body = multipart(dice, kind, words_part(dice), signature)
    return mail(_person(dice), topic(dice), fields, body=body)


def file_named_like_a_report(dice: Dice) -> Draft:
    """A file has the name that a report's file has, or a report is forwarded under a subject of its own."""
    names = ("delivery-status.txt", "details.txt", "example.net!example.org!1793577600!1793663999.zip", "report.xml", "mdn.txt")
    kind = dice.choice(("text/plain", "application/zip", "application/octet-stream"))
    file = part(kind, "x", ("Content-Disposition", f'attachment; filename="{dice.choice(names)}"'))
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), file)
    about = dice.choice(("Fwd: Report Domain: example.org Submitter: example.net", "What is this?", "Report domain"))
    return mail(_person(dice), ("Subject", about), fields, body=body)


def report_as_a_file(dice: Dice) -> Draft:
    """A receipt, a complaint or a statistic is forwarded."""
    form = dice.choice((reports.mdn, reports.arf, reports.tls_by_type, reports.dmarc_packed, reports.ses_notification))
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), part("message/rfc822", _written(dice, form(dice))))
    return mail(_person(dice), subject(dice, "Fwd: Report"), fields, body=body)


def notice_pasted(dice: Dice) -> Draft:
    """A notice in JSON is pasted, or something else in JSON is."""
    texts = (
        '{"notificationType": "Bounce", "mail": {}}',
        'Look:\n\n{"notificationType": "Bounce", "mail": {}}',
        '{"Type": "Notification", "MessageId": "1", "TopicArn": "x"}\n\nWhat is that?',
    )
    fields, body = text_part(dice, dice.choice(texts))
    return mail(_person(dice), topic(dice), fields, body=body)


def notice_with_words(dice: Dice) -> Draft:
    """A person writes by way of a service, and there is JSON in it."""
    texts = (
        '{"notificationType": "Bounce", "mail": {}}\n\nWhat is that?',
        'Look: {"notificationType": "Bounce", "mail": {}}',
        '{"a": 1}',
        '{"notificationType": "Bounce"}',
        '{"notificationType": "Bounce", "mail"',
        '["notificationType", "mail"]',
    )
    fields, body = text_part(dice, dice.choice(texts))
    return mail(("From", f"Ann <no-reply@{dice.domain()}>"), topic(dice), fields, body=body)


def invitation(dice: Dice) -> Draft:
    """A person invites, or has accepted."""
    method = dice.choice(("REQUEST", "REPLY", "CANCEL"))
    event = part(f"text/calendar; method={method}; charset=utf-8", "BEGIN:VCALENDAR\nEND:VCALENDAR")
    fields, body = multipart(dice, "multipart/alternative", words_part(dice), event)
    return mail(_person(dice), subject(dice, "Accepted: meeting"), fields, body=body)


def asks_for_a_receipt(dice: Dice) -> Draft:
    """A person wants to know that it was read."""
    fields, body = text_part(dice)
    wishes = (("Disposition-Notification-To", dice.person()), ("Return-Receipt-To", dice.person()))
    return mail(_person(dice, *wishes), topic(dice), fields, body=body)


def denying_fields(dice: Dice) -> Draft:
    """Fields of machines with values that say no, and other values of fields that all have."""
    denials = (
        ("X-Autoreply", "no"),
        ("X-Autoreply", "False"),
        ("X-Mail-Autoreply", "NO"),
        ("X-Vacation", "no"),
        ("X-FC-MachineGenerated", "false"),
        ("X-Autogenerated", "no"),
        ("X-POST-MessageClass", "1"),
        ("Delivered-To", "autoresponder@example.org"),
        ("Preference", "high"),
        ("X-Precedence", "bulk"),
        ("X-Mailer", "Vacation 1.0"),
        ("X-RT-Loop-Prevention", "example.org"),
        ("X-Delivery-Agent", "TMDA/1.1.12"),
        ("X-MS-Exchange-Generated-Message-Source", "Mailbox Rules Agent"),
        ("TLS-Report-Domain", "example.org"),
        ("X-Loop", "ann@example.org"),
        ("List-Help", "<mailto:help@example.org>"),
        ("Importance", "high"),
        ("Priority", "urgent"),
    )
    fields, body = text_part(dice)
    return mail(_person(dice, *dice.sample(denials, 3)), topic(dice), fields, body=body)


def without_a_subject(dice: Dice) -> Draft:
    """In any language, to nobody in particular."""
    language = dice.choice(TONGUES)
    fields, body = text_part(dice, language[3])
    return mail(dice.path_of("ann@example.org"), ("From", dice.author()), fields, body=body)
