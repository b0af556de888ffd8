"""Bounces, as the mailers of the world write them."""

from __future__ import annotations

from tests.screening.forms.drafts import (
    Dice,
    Draft,
    encoded_words,
    mail,
    multipart,
    part,
    text_part,
    topic,
    words_part,
)

AUTO_REPLIED = ("Auto-Submitted", "auto-replied")
Fields = tuple[tuple[str, str], ...]


def _status(dice: Dice, action: str = "failed") -> str:
    code = {"failed": "5.1.1", "delayed": "4.4.1"}[action]
    return (
        f"Reporting-MTA: dns; {dice.host()}\nArrival-Date: Mon, 2 Nov 2026 09:00:00 +0000\n\n"
        f"Final-Recipient: rfc822; {dice.person()}\nAction: {action}\nStatus: {code}\n"
    )


def _original(dice: Dice) -> str:
    return f"From: {dice.author()}\nTo: {dice.person()}\nSubject: hello\nMessage-ID: {dice.message_id()}\n\nHello.\n"


def _report(dice: Dice, text: str, action: str = "failed") -> tuple[Fields, str]:
    returned = dice.choice(("message/rfc822", "text/rfc822-headers"))
    kind = dice.choice(("report-type=delivery-status", 'Report-Type="delivery-status"', "REPORT-TYPE=Delivery-Status"))
    return multipart(
        dice,
        f"multipart/report; {kind}",
        words_part(dice, text),
        part("message/delivery-status", _status(dice, action), ("Content-Description", "Delivery report")),
        part(returned, _original(dice)),
    )


def _sent(dice: Dice, *more: tuple[str, str]) -> Fields:
    return (("To", dice.person()), ("Date", "Mon, 2 Nov 2026 09:00:00 +0000"), ("Message-ID", dice.message_id()), *more)


def _daemon(dice: Dice) -> str:
    host = dice.host()
    return dice.choice(
        (
            f"MAILER-DAEMON@{host}",
            f"<MAILER-DAEMON@{host}>",
            f"MAILER-DAEMON@{host} (Mail Delivery System)",
            f'"Mail Delivery Subsystem" <mailer-daemon@{host}>',
            f"Mail Delivery System <Mailer-Daemon@{host}>",
            "MAILER-DAEMON",
            "<MAILER-DAEMON>",
            "Mail Delivery Subsystem <MAILER-DAEMON>",
        )
    )


def postfix(dice: Dice) -> Draft:
    """Postfix: a report with the field that responders have as well."""
    fields, body = _report(dice, f"This is the mail system at host {dice.host()}.\n\nI'm sorry to have to inform you.")
    head = (("From", _daemon(dice)), ("Subject", "Undelivered Mail Returned to Sender"), AUTO_REPLIED)
    return mail(dice.path(None), _sent(dice), head, fields, body=body)


def postfix_delay(dice: Dice) -> Draft:
    """Postfix: a mail still waits."""
    fields, body = _report(dice, f"This is the mail system at host {dice.host()}.", "delayed")
    head = (("From", _daemon(dice)), ("Subject", "Delayed Mail (still being retried)"), AUTO_REPLIED)
    return mail(dice.path(None), _sent(dice), head, fields, body=body)


def postfix_by_hand(dice: Dice) -> Draft:
    """Postfix's text without a report, from a postmaster; it is known by its beginning alone."""
    word = dice.choice(("mail system", "Postfix program"))
    fields, body = text_part(dice, f"This is the {word} at host {dice.host()}.\n\nI'm sorry.")
    return mail(_sent(dice), ("From", f"postmaster@{dice.host()}"), topic(dice), fields, body=body)


def zimbra(dice: Dice) -> Draft:
    """Zimbra, which has a Postfix."""
    fields, body = _report(dice, f"This is the mail system at host {dice.host()}.")
    return mail(dice.path(None), _sent(dice), ("From", f"{_daemon(dice)}"), topic(dice), AUTO_REPLIED, fields, body=body)


def exim(dice: Dice) -> Draft:
    """Exim since 4.84: a report, and the failed recipients in a field."""
    fields, body = _report(dice, "This message was created automatically by mail delivery software.\n\nA message failed.")
    head = (("From", f"Mail Delivery System <Mailer-Daemon@{dice.host()}>"), ("X-Failed-Recipients", dice.person()))
    return mail(dice.path(None), _sent(dice), head, AUTO_REPLIED, topic(dice), fields, body=body)


def exim_old(dice: Dice) -> Draft:
    """Exim before that: a text."""
    fields, body = text_part(dice, "This message was created automatically by mail delivery software (Exim).\n\nA message")
    head = (("From", f"Mail Delivery System <Mailer-Daemon@{dice.host()}>"), ("X-Failed-Recipients", dice.person()))
    about = ("Subject", "Mail delivery failed: returning message to sender")
    return mail(dice.path(None), _sent(dice), head, AUTO_REPLIED, about, fields, body=body)


def exim_renamed(dice: Dice) -> Draft:
    """Exim with a sender of the operator's choice, where only the failed recipients are left."""
    fields, body = text_part(dice)
    head = (("From", f"postmaster@{dice.host()}"), ("X-Failed-Recipients", f"{dice.person()}, {dice.person()}"), AUTO_REPLIED)
    return mail(dice.path(None), _sent(dice), head, topic(dice), fields, body=body)


def exim_warning(dice: Dice) -> Draft:
    """Exim: a mail still waits; no field names the recipients."""
    fields, body = text_part(dice, "This message was created automatically by mail delivery software.\nA message you sent")
    head = (("From", f"Mail Delivery System <Mailer-Daemon@{dice.host()}>"), AUTO_REPLIED)
    about = ("Subject", "Warning: message 1aBcDe-000001-AB delayed 24 hours")
    return mail(dice.path(None), _sent(dice), head, about, fields, body=body)


def qmail(dice: Dice) -> Draft:
    """The program of qmail, in the QSBMF."""
    text = f"Hi. This is the qmail-send program at {dice.host()}.\nI'm afraid I wasn't able to deliver your message.\n"
    head = (("From", f"MAILER-DAEMON@{dice.host()}"), ("Subject", "failure notice"))
    fields, body = dice.choice((((), text), text_part(dice, text)))
    return mail(dice.path(None), _sent(dice), head, fields, body=body)


def netqmail_renamed(dice: Dice) -> Draft:
    """Its heir under another name, and without a path: only the beginning of the text tells."""
    text = f"Hi. This is the {dice.choice(('qmail-send', 'deliver'))} program at {dice.host()}.\nI'm afraid I wasn't able to\n"
    fields, body = text_part(dice, text)
    author = dice.choice((f"Postmaster@{dice.host()}", "<>", "<@>"))
    return mail(_sent(dice), ("From", author), ("Subject", "failure notice"), fields, body=body)


def qmail_double_bounce(dice: Dice) -> Draft:
    """The bounce of a bounce, from an address that cannot be one."""
    fields, body = text_part(dice)
    return mail(("Return-Path", "<#@[]>"), _sent(dice), ("From", f"root@{dice.host()}"), topic(dice), fields, body=body)


def sendmail(dice: Dice) -> Draft:
    """Sendmail: a report."""
    fields, body = _report(dice, f"The original message was received at Mon, 2 Nov 2026 09:00:00 GMT\nfrom {dice.host()}")
    head = (("From", f"Mail Delivery Subsystem <MAILER-DAEMON@{dice.host()}>"), ("Auto-Submitted", "auto-generated (failure)"))
    about = ("Subject", "Returned mail: see transcript for details")
    return mail(dice.path(None), _sent(dice), head, about, fields, body=body)


def sendmail_warning(dice: Dice) -> Draft:
    """Sendmail: a warning, under a name without a domain."""
    fields, body = text_part(dice, "    **********************************************\n    THIS IS A WARNING MESSAGE ONLY")
    head = (("From", "Mail Delivery Subsystem <MAILER-DAEMON>"), ("Auto-Submitted", "auto-generated (warning-timeout)"))
    return mail(dice.path(None), _sent(dice), head, ("Subject", "Warning: could not send message"), fields, body=body)


def sendmail_old(dice: Dice) -> Draft:
    """Sendmail of long ago, from a postmaster: only its text tells."""
    when = "The original message was received at Thu, 5 Nov 1998 10:00:00 -0500 (EST)"
    rule = "   ----- The following addresses had permanent fatal errors -----"
    fields, body = text_part(dice, dice.choice((when, rule)))
    return mail(_sent(dice), ("From", f"Postmaster <postmaster@{dice.host()}>"), topic(dice), fields, body=body)


def exchange_5(dice: Dice) -> Draft:
    """Exchange 5.5: a text, from a system administrator who is the postmaster."""
    middle = f"  To:      {dice.person()}\n  Subject: hello\n  Sent:    Mon, 2 Nov 1998 09:00:00 -0000\n\n"
    text = f"Your message\n\n{middle}did not reach the following recipient(s):\n"
    fields, body = text_part(dice, text)
    head = (("From", f"System Administrator <postmaster@{dice.domain()}>"), ("X-Mailer", "Internet Mail Service (5.5.2653.19)"))
    return mail(dice.path(None), _sent(dice), head, ("Subject", "Undeliverable: hello"), fields, body=body)


def exchange_2003(dice: Dice) -> Draft:
    """Exchange 2003 and 2010 without their report."""
    first = "Your message did not reach some or all of the intended recipients."
    later = f"Delivery has failed to these recipients or {dice.choice(('groups', 'distribution lists'))}:"
    last = "The following recipient(s) could not be reached:"
    fields, body = text_part(dice, dice.choice((first, later, last)))
    author = f"Microsoft Exchange <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@{dice.domain()}>"
    return mail(dice.path(None), _sent(dice), ("From", author), ("Subject", "Undeliverable: hello"), fields, body=body)


def exchange_online(dice: Dice) -> Draft:
    """Exchange Online: a report in the language of the recipient."""
    fields, body = _report(dice, "")
    author = f"{encoded_words(dice, 'Système de courrier')} <postmaster@{dice.domain()}>"
    return mail(dice.path(None), _sent(dice), ("From", author), AUTO_REPLIED, topic(dice), fields, body=body)


def exchange_online_bare(dice: Dice) -> Draft:
    """The same after a gateway has flattened it: a field is left."""
    fields, body = text_part(dice, "<p>Nicht zugestellt</p>", "html")
    head = (("From", f"postmaster@{dice.domain()}"), ("X-MS-Exchange-Message-Is-Ndr", dice.choice(("", "1"))))
    return mail(dice.path(None), _sent(dice), head, AUTO_REPLIED, topic(dice), fields, body=body)


def gmail(dice: Dice) -> Draft:
    """Gmail: a report, signed."""
    fields, body = _report(dice, "** Address not found **\n\nYour message wasn't delivered.")
    author = ("From", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>")
    signed = ("DKIM-Signature", "v=1; a=rsa-sha256; d=googlemail.com; s=x; h=from; bh=x; b=x")
    failed = ("X-Failed-Recipients", dice.person())
    return mail(dice.path(None), _sent(dice, signed), author, failed, AUTO_REPLIED, topic(dice), fields, body=body)


def gmail_old(dice: Dice) -> Draft:
    """Gmail of before: a text, here under another name."""
    which = dice.choice(("failed permanently", "has been delayed"))
    fields, body = text_part(dice, f"Delivery to the following recipient {which}:\n\n    {dice.person()}\n")
    return mail(dice.path(None), _sent(dice), ("From", f"postmaster@{dice.domain()}"), topic(dice), fields, body=body)


def courier(dice: Dice) -> Draft:
    """Courier: a name and no address."""
    fields, body = _report(
        dice, f"This is a delivery status notification from {dice.host()},\nrunning the Courier mail server."
    )
    author = f'"Courier mail server at {dice.host()}" <@>'
    about = ("Subject", "NOTICE: mail delivery status.")
    return mail(dice.path(None), _sent(dice), ("From", author), about, fields, body=body)


def courier_flat(dice: Dice) -> Draft:
    """The text of it alone."""
    fields, body = text_part(
        dice, f"This is a delivery status notification from {dice.host()},\nrunning the Courier mail server."
    )
    return mail(_sent(dice), ("From", f'"Courier mail server at {dice.host()}" <@>'), topic(dice), fields, body=body)


def domino(dice: Dice) -> Draft:
    """Domino: a report from a postmaster."""
    fields, body = _report(dice, f"Your message\n\n  Subject: hello\n\nwas not delivered to:\n\n  {dice.person()}\n")
    about = ("Subject", "DELIVERY FAILURE: User ann (ann@example.org) not listed in Domino Directory")
    return mail(dice.path(None), _sent(dice), ("From", f"Postmaster@{dice.domain()}"), about, fields, body=body)


def domino_flat(dice: Dice) -> Draft:
    """Its text alone."""
    fields, body = text_part(dice, f"Your message\n\n  Subject: hello\n\nwas not delivered to:\n\n  {dice.person()}\n")
    return mail(_sent(dice), ("From", f"Postmaster@{dice.domain()}"), topic(dice), fields, body=body)


def notes(dice: Dice) -> Draft:
    """Lotus Notes: a text."""
    fields, body = text_part(dice, "------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\n")
    about = ("Subject", "Undeliverable message")
    return mail(_sent(dice), ("From", f"postmaster@{dice.domain()}"), about, fields, body=body)


def mdaemon(dice: Dice) -> Draft:
    """MDaemon: a text from the program itself."""
    which = dice.choice(("PERMANENT fatal", "TRANSIENT non-fatal"))
    fields, body = text_part(dice, f"The attached message had {which} delivery errors!\n\n--------------\n")
    author = f'"MDaemon at {dice.domain()}" <MDaemon@{dice.domain()}>'
    return mail(dice.path(None), _sent(dice), ("From", author), ("Subject", "Permanent Delivery Failure"), fields, body=body)


def yahoo(dice: Dice) -> Draft:
    """Yahoo: a text."""
    fields, body = text_part(
        dice, "Sorry, we were unable to deliver your message to the following address.\n\n<ann@example.org>:"
    )
    author = ("From", "MAILER-DAEMON@yahoo.com")
    return mail(dice.path(None), _sent(dice), author, ("Subject", "Failure Notice"), fields, body=body)


def yahoo_flat(dice: Dice) -> Draft:
    """Both of its texts, from nobody."""
    old = "Message from yahoo.example.\nUnable to deliver message to the following address(es).\n"
    new = "Sorry, we were unable to deliver your message to the following address(es).\n"
    fields, body = text_part(dice, dice.choice((old, new)))
    return mail(_sent(dice), ("Subject", "Failure Notice"), fields, body=body)


def aol(dice: Dice) -> Draft:
    """AOL: a report."""
    fields, body = _report(dice, "Your mail to the following recipients could not be delivered.")
    author = ("From", "Mail Delivery Subsystem <MAILER-DAEMON@aol.com>")
    return mail(dice.path(None), _sent(dice), author, topic(dice), fields, body=body)


def mailenable(dice: Dice) -> Draft:
    """MailEnable: a text."""
    text = "MailEnable: Message could not be delivered to some recipients.\nThe following recipient(s) could not be reached:\n"
    fields, body = text_part(dice, text)
    author = ("From", f"postmaster@{dice.domain()}")
    return mail(dice.path(None), _sent(dice), author, ("Subject", "Message Delivery Failure"), fields, body=body)


def groupwise(dice: Dice) -> Draft:
    """GroupWise: a text."""
    fields, body = text_part(dice, "The message that you sent was undeliverable to the following:\n\tann (user not found)\n")
    return mail(
        _sent(dice), ("From", f"Postmaster@{dice.domain()}"), ("Subject", "Message status - undeliverable"), fields, body=body
    )


def iis(dice: Dice) -> Draft:
    """The SMTP service of IIS: a daemon's path, or only its text."""
    fields, body = text_part(dice, "This is an automatically generated Delivery Status Notification.\n\nDelivery failed.\n")
    path = dice.choice(("<MAILER-DAEMON>", "<mailer-daemon@example.net>", "<>"))
    return mail(("Return-Path", path), _sent(dice), ("From", f"postmaster@{dice.domain()}"), topic(dice), fields, body=body)


def messaging_server(dice: Dice) -> Draft:
    """Sun's Messaging Server."""
    fields, body = text_part(
        dice, "This report relates to a message you sent with the following header fields:\n\n  Subject: hello"
    )
    author = f"Internet Mail Delivery <postmaster@{dice.host()}>"
    return mail(dice.path(None), _sent(dice), ("From", author), topic(dice), fields, body=body)


def ses(dice: Dice) -> Draft:
    """Amazon SES."""
    fields, body = _report(dice, "An error occurred while trying to deliver the mail to the following recipients:")
    head = (("From", "MAILER-DAEMON@amazonses.com"), ("Subject", "Delivery Status Notification (Failure)"))
    return mail(dice.path(None), _sent(dice), head, fields, body=body)


def sending_service(dice: Dice) -> Draft:
    """A service that sends for others, with a path of its own."""
    fields, body = text_part(dice)
    path = f"<bounce+{dice.word()}@{dice.domain()}>"
    author = f"Mail Delivery System <{dice.word()}@{dice.domain()}>"
    return mail(("Return-Path", path), _sent(dice), ("From", author), topic(dice), fields, body=body)


def opensmtpd(dice: Dice) -> Draft:
    """OpenSMTPD."""
    fields, body = text_part(dice, "Hi!\n\nThis is the MAILER-DAEMON, please DO NOT REPLY to this email.\n")
    author = f"Mailer Daemon <{dice.choice(('MAILER-DAEMON', 'daemon'))}@{dice.host()}>"
    return mail(dice.path(None), _sent(dice), ("From", author), topic(dice), fields, body=body)


def encoded_name(dice: Dice) -> Draft:
    """The name of a daemon in encoded words, as gateways in Japan write it."""
    fields, body = text_part(dice)
    author = f"=?iso-2022-jp?B?TWFpbCBEZWxpdmVyeSBTdWJzeXN0ZW0=?= <{dice.word()}@{dice.domain()}>"
    return mail(dice.path(None), _sent(dice), ("From", author), topic(dice), fields, body=body)


def null_path_alone(dice: Dice) -> Draft:
    """A mailer that nobody knows, in any language: the null path is all there is."""
    fields, body = text_part(dice)
    return mail(dice.path(), _sent(dice), ("From", dice.author()), topic(dice), fields, body=body)


def null_path_twice(dice: Dice) -> Draft:
    """Two relays have written the path down."""
    fields, body = text_part(dice)
    return mail(dice.path(), dice.path("<ann@example.org>"), _sent(dice), ("From", dice.author()), fields, body=body)


def null_path_of_mbox(dice: Dice) -> Draft:
    """A mail out of an mbox, where MAILER-DAEMON stands for the null path."""
    fields, body = text_part(dice)
    who = dice.choice(("MAILER-DAEMON", "mailer-daemon", "<>", f"MAILER-DAEMON@{dice.host()}"))
    postmark = f"From {who} {dice.choice(('', ' '))}Mon Nov  2 09:00:00 2026\n"
    return mail(_sent(dice), ("From", dice.author()), topic(dice), fields, body=body, postmark=postmark)


def untyped(dice: Dice) -> Draft:
    """A report that does not say of what."""
    kind = dice.choice(("multipart/report", "multipart/report; report-type=", 'multipart/report; report-type=" "'))
    fields, body = multipart(dice, kind, words_part(dice))
    return mail(dice.path(None), _sent(dice), ("From", dice.author()), topic(dice), fields, body=body)


def bare_status(dice: Dice) -> Draft:
    """The status is the whole mail (RFC 3464; RFC 6533 for addresses beyond ASCII)."""
    kind = ("Content-Type", dice.choice(("message/delivery-status", "Message/Global-Delivery-Status")))
    return mail(dice.path(None), _sent(dice), ("From", dice.author()), topic(dice), kind, body=_status(dice))


def mixed_status(dice: Dice) -> Draft:
    """The parts of a report in a multipart/mixed, from a postmaster or from nobody."""
    kind = dice.choice(("message/delivery-status", "message/global-delivery-status"))
    inner = part(kind, _status(dice))
    fields, body = multipart(dice, "multipart/mixed", words_part(dice), inner, part("message/rfc822", _original(dice)))
    author = dice.choice(((("From", f"postmaster@{dice.host()}"),), (("From", "<>"),), ()))
    return mail(_sent(dice), author, topic(dice), fields, body=body)
