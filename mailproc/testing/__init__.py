"""What the tests of a handler use: make a mail in one line, deliver it, see what became of it.

::

    def test_a_note_needs_a_notebook() -> None:
        with PostOffice(migrations="notes") as office:
            office.bind("notes.example.org", "notes")
            office.user("ann", "ann@example.com")
            delivered = office.deliver(make_mail(sender="ann@example.com", to="shopping@notes.example.org", text="Milk"))
            assert delivered.disposition == "rejected"
            assert "There is no such notebook." in delivered.sent[0].text

``make_mail``   the raw bytes of a mail, signed when it is given a key
``SigningKey``  a throw-away OpenPGP key, a real one: keep it for a whole test session, because making it takes time
``PostOffice``  a whole installation in a temporary folder, with a real database, archive and GnuPG; nothing is sent
``Delivered``   how a mail ended, and everything that is recorded of it
``Sent``        a mail that would be sent
``Wanted``      what a handler wants done elsewhere, and what came of it
"""

from mailproc.testing.delivered import Delivered, Sent, Wanted
from mailproc.testing.keys import SigningKey
from mailproc.testing.mail import make_mail
from mailproc.testing.post_office import PostOffice

__all__ = ["Delivered", "PostOffice", "Sent", "SigningKey", "Wanted", "make_mail"]
