"""Mail to many: the name of a form begins with the verdict that it must get."""

from __future__ import annotations

from tests.screening.forms.drafts import Dice, Draft, mail, subject, text_part, topic

Fields = tuple[tuple[str, str], ...]


def _post(dice: Dice, *more: tuple[str, str], about: str = "") -> Draft:
    fields, body = text_part(dice)
    sender = (("Sender", f"list-bounces@{dice.domain()}"), ("Return-Path", f"<list-bounces+ann=example.org@{dice.domain()}>"))
    head = (("From", dice.author()), ("To", f"list@{dice.domain()}"), subject(dice, about) if about else topic(dice))
    return mail(sender, head, more, fields, body=body)


def _list_fields(dice: Dice) -> Fields:
    domain = dice.domain()
    return (
        ("List-Id", f"Talk <talk.{domain}>"),
        ("List-Post", f"<mailto:talk@{domain}>"),
        ("List-Unsubscribe", f"<mailto:talk-leave@{domain}>"),
        ("List-Help", f"<mailto:talk-request@{domain}>"),
    )


def bulk_mailman(dice: Dice) -> Draft:
    """Mailman: a list, with Precedence."""
    return _post(
        dice, *_list_fields(dice), ("Precedence", "list"), ("X-Mailman-Version", "2.1.39"), ("X-BeenThere", "talk@example.org")
    )


def bulk_ezmlm(dice: Dice) -> Draft:
    """Ezmlm."""
    return _post(
        dice, ("Mailing-List", "contact talk-help@example.org; run by ezmlm"), ("Precedence", "bulk"), *_list_fields(dice)
    )


def bulk_google_groups(dice: Dice) -> Draft:
    """Google Groups."""
    return _post(dice, ("Precedence", "list"), ("Mailing-list", "list talk@example.org"), *_list_fields(dice))


def bulk_any_precedence(dice: Dice) -> Draft:
    """Whatever it says."""
    return _post(dice, ("Precedence", dice.choice(("bulk", "junk", "Bulk", "first-class", "normal", "", "special-delivery"))))


def bulk_newsletter(dice: Dice) -> Draft:
    """A newsletter, of which one can unsubscribe."""
    leave = ("List-Unsubscribe", f"<https://{dice.domain()}/u?i={dice.word()}>")
    return _post(dice, leave, ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))


def bulk_campaign(dice: Dice) -> Draft:
    """A campaign that counts complaints."""
    return _post(dice, ("Feedback-ID", f"{dice.randint(1, 999)}:campaign:{dice.word()}:example"))


def bulk_announcement(dice: Dice) -> Draft:
    """Both, and no list."""
    return _post(
        dice, ("Feedback-ID", "1:2:3:example"), ("List-Unsubscribe", "<mailto:leave@example.org>"), ("List-Help", "<x:y>")
    )


def list_with_id(dice: Dice) -> Draft:
    """A list that writes no Precedence."""
    return _post(dice, *_list_fields(dice))


def list_by_post(dice: Dice) -> Draft:
    """One sign of it is enough."""
    return _post(
        dice, dice.choice((("List-Post", "<mailto:talk@example.org>"), ("List-Post", "NO"), ("List-Id", "<talk.example.org>")))
    )


def list_with_campaign_fields(dice: Dice) -> Draft:
    """A list whose host counts complaints as well."""
    return _post(dice, *_list_fields(dice), ("Feedback-ID", "1:2:3:example"))


def list_about_a_bounce(dice: Dice) -> Draft:
    """A post about bounces, and one of somebody who is away."""
    subjects = ("Undelivered Mail Returned to Sender", "Out of office", "Re: failure notice", "Automatic reply: vacation")
    return _post(dice, *_list_fields(dice), about=dice.choice(subjects))


def list_of_a_person_who_says_no(dice: Dice) -> Draft:
    """What a person's program says about it, and a wish of Outlook."""
    return _post(dice, *_list_fields(dice), ("Auto-Submitted", "no"), ("X-Auto-Response-Suppress", "All"))
