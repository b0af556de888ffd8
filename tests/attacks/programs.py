"""How mail programs write PGP/MIME: the order, folding and quoting of fields, boundaries, preambles, the signature's part.

Written after what the programs do, with texts of our own; the names say after which one. ``{b}`` is the boundary, ``{m}`` the
digest in lower case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_HEX = "0123456789ABCDEF"
RFC = "This is an OpenPGP/MIME signed message (RFC {n} and 3156)\r\n"


def _drawn(rng: Random, letters: str, length: int) -> str:
    return "".join(rng.choices(letters, k=length))


def _uuid(rng: Random) -> str:
    return "-".join(_drawn(rng, _HEX, length) for length in (8, 4, 4, 4, 12))


@dataclass(frozen=True)
class Program:
    """One mail program: its Content-Type, further fields beside it, the preamble, and the fields of the signature part."""

    name: str
    type: str
    boundary: Callable[[Random], str]
    signature: tuple[str, ...]
    preamble: str = ""
    beside: tuple[str, ...] = ("MIME-Version: 1.0",)
    epilogue: str = ""
    armor: str = ""  # armor headers
    encoding: str = ""  # of the signature part


_NAMED = 'Content-Type: application/pgp-signature; name="signature.asc"'
_PROTOCOL = 'protocol="application/pgp-signature"'
_ATTACHED = "Content-Disposition: attachment; filename="
_DESCRIBED = "Content-Description: OpenPGP digital signature"

PROGRAMS: tuple[Program, ...] = (
    Program(
        "Thunderbird",
        f'Content-Type: multipart/signed; micalg=pgp-{{m}};\r\n {_PROTOCOL};\r\n boundary="{{b}}"',
        lambda rng: "------------" + _drawn(rng, ALNUM, 24),
        (
            'Content-Type: application/pgp-signature; name="OpenPGP_signature.asc"',
            _DESCRIBED,
            _ATTACHED + '"OpenPGP_signature.asc"',
        ),
        RFC.format(n=4880),
    ),
    Program(
        "Enigmail",
        f'Content-Type: multipart/signed; micalg=pgp-{{m}};\r\n {_PROTOCOL};\r\n boundary="{{b}}"',
        lambda rng: _drawn(rng, ALNUM, 33),
        (_NAMED, _DESCRIBED, _ATTACHED + '"signature.asc"'),
        RFC.format(n=2440),
        armor="Version: GnuPG v2\r\nComment: Using GnuPG with Mozilla - https://example.org/\r\n",
    ),
    Program(
        "mutt",
        f'Content-Type: multipart/signed; micalg=pgp-{{m}};\r\n\t{_PROTOCOL}; boundary="{{b}}"',
        lambda rng: _drawn(rng, ALNUM + "+/", 16),
        (_NAMED,),
        "\r\n",
        ("MIME-Version: 1.0", "Content-Disposition: inline", "User-Agent: Mutt/2.2.9"),
    ),
    Program(
        "Apple Mail",
        f'Content-Type: multipart/signed;\r\n\tboundary="{{b}}";\r\n\t{_PROTOCOL};\r\n\tmicalg=pgp-{{m}}',
        lambda rng: "Apple-Mail=_" + _uuid(rng),
        (
            "Content-Transfer-Encoding: 7bit",
            "Content-Disposition: attachment;\r\n\tfilename=signature.asc",
            "Content-Type: application/pgp-signature;\r\n\tname=signature.asc",
            "Content-Description: Message signed with OpenPGP",
        ),
        "\r\n",
        ("Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(3696.120.41.1.1\\))", "X-Mailer: Apple Mail (2.3696.120.41.1.1)"),
    ),
    Program(
        "KMail",
        f'Content-Type: multipart/signed; boundary="{{b}}"; micalg="pgp-{{m}}"; {_PROTOCOL}',
        lambda rng: f"nextPart{rng.randrange(10**7)}.{_drawn(rng, ALNUM, 10)}",
        (_NAMED, "Content-Description: This is a digitally signed message part.", "Content-Transfer-Encoding: 7Bit"),
    ),
    Program(
        "Evolution",
        f'Content-Type: multipart/signed; micalg="pgp-{{m}}";\r\n\t{_PROTOCOL}; boundary="{{b}}"',
        lambda rng: "=-" + _drawn(rng, ALNUM + "+/", 20),
        (_NAMED, "Content-Description: This is a digitally signed message part", "Content-Transfer-Encoding: 7bit"),
        "\r\n",
    ),
    Program(
        "Claws Mail",
        f'Content-Type: multipart/signed; boundary="{{b}}";\r\n {_PROTOCOL}; micalg=pgp-{{m}}',
        lambda rng: f"Sig_/{_drawn(rng, ALNUM + '.=_', 20)}",
        ("Content-Type: application/pgp-signature", _DESCRIBED),
    ),
    Program(
        "Sylpheed",
        f'Content-Type: multipart/signed; {_PROTOCOL};\r\n micalg="PGP-SHA256";\r\n boundary="{{b}}"',
        lambda rng: f"Signature=_Sat__21_Nov_2026_08_00_00_+0000_{_drawn(rng, ALNUM, 16)}",
        ("Content-Type: application/pgp-signature",),
    ),
    Program(
        "Gnus",
        f'Content-Type: multipart/signed; boundary="{{b}}";\r\n\tmicalg=pgp-{{m}}; {_PROTOCOL}',
        lambda rng: "=" * rng.randrange(1, 4) + "-=-=",
        (_NAMED,),
    ),
    Program(
        "notmuch",
        f'content-type: multipart/signed; boundary="{{b}}"; micalg=pgp-{{m}}; {_PROTOCOL}',
        lambda rng: "=" * rng.randrange(1, 4) + "-=-=",
        (_NAMED,),
        beside=("mime-version: 1.0",),
    ),
    Program(
        "alot",
        f'Content-Type: multipart/signed; micalg="pgp-{{m}}"; {_PROTOCOL}; boundary="{{b}}"',
        lambda rng: f"==============={rng.randrange(10**19):019}==",
        (
            'Content-Type: application/pgp-signature; name="signature.asc"; charset="us-ascii"',
            "MIME-Version: 1.0",
            "Content-Transfer-Encoding: 7bit",
            "Content-Description: signature",
        ),
    ),
    Program(
        "K-9 Mail",
        f'Content-Type: multipart/signed; boundary="{{b}}"; {_PROTOCOL}; micalg="pgp-{{m}}"',
        lambda rng: "----" + _drawn(rng, _HEX, 30),
        (_NAMED, _DESCRIBED, _ATTACHED + "signature.asc"),
    ),
    Program(
        "FairEmail",
        f'Content-Type: multipart/signed; \r\n\tboundary="{{b}}"; \r\n\tmicalg=pgp-{{m}}; {_PROTOCOL}',
        lambda rng: f"----=_Part_{rng.randrange(99)}_{rng.randrange(10**9)}.{rng.randrange(10**13)}",
        ("Content-Type: application/pgp-signature; name=signature.asc", "Content-Disposition: attachment"),
        encoding="quoted-printable",
    ),
    Program(
        "Mailvelope",
        f'Content-Type: multipart/signed; micalg="pgp-{{m}}"; {_PROTOCOL};\r\n\tboundary="{{b}}"',
        lambda rng: "-----" + _drawn(rng, ALNUM, 26),
        (_NAMED, _DESCRIBED, _ATTACHED + '"signature.asc"'),
        RFC.format(n=4880).strip(),
        armor="Version: Mailvelope v5\r\nComment: https://example.org\r\n",
    ),
    Program(
        "GpgOL",
        f'Content-Type: multipart/signed;\r\n\t{_PROTOCOL};\r\n\tmicalg=pgp-{{m}};\r\n\tboundary="{{b}}"',
        lambda rng: f"=-={_drawn(rng, ALNUM, 20)}=-=",
        ('Content-Type: application/pgp-signature;\r\n\tname="openpgp-digital-signature.asc"', _ATTACHED + '"x.asc"'),
    ),
    Program(
        "ProtonMail",
        f'Content-Type: multipart/signed; {_PROTOCOL}; micalg=pgp-{{m}}; boundary="{{b}}"; charset=utf-8',
        lambda rng: "------" + _drawn(rng, _HEX.lower(), 64),
        (_NAMED, _DESCRIBED, _ATTACHED + '"signature.asc"'),
        RFC.format(n=4880),
        epilogue="\r\n",
    ),
    Program(
        "Horde IMP",
        f'Content-Type: multipart/signed; boundary="{{b}}";\r\n {_PROTOCOL};\r\n micalg="pgp-{{m}}"',
        lambda rng: "=_" + _drawn(rng, ALNUM + "-_", 23),
        ('Content-Type: application/pgp-signature; name=signature.asc; charset="utf-8"', "Content-Disposition: inline"),
        "This message is in MIME format and has been PGP signed.\r\n\r\n",
        ("MIME-Version: 1.0", "Content-Transfer-Encoding: 7bit"),
    ),
    Program(
        "mimegpg",
        f'Content-Type: multipart/signed;\r\n    boundary="{{b}}";\r\n    micalg=pgp-{{m}}; {_PROTOCOL}',
        lambda rng: f"=_mimegpg-example.org-{rng.randrange(10**5)}-{rng.randrange(10**10)}-0001",
        ("Content-Type: application/pgp-signature", "Content-Transfer-Encoding: 7bit"),
        "This is a MIME GnuPG-signed message.  If you see this text, it means that\r\n"
        "your E-mail or Usenet software does not support MIME signed messages.\r\n\r\n",
    ),
    Program(
        "MIME::Entity",
        f'Content-Type: multipart/signed; boundary="{{b}}"; micalg="pgp-{{m}}"; {_PROTOCOL}',
        lambda rng: f"----------=_{rng.randrange(10**10)}-{rng.randrange(10**4)}-{rng.randrange(99)}",
        (_NAMED, "Content-Disposition: inline; filename=signature.asc", "Content-Transfer-Encoding: 7bit"),
        "This is a multi-part message in MIME format...\r\n\r\n",
        ("MIME-Version: 1.0", "Content-Transfer-Encoding: binary", "X-Mailer: MIME-tools 5.510 (Entity 5.510)"),
        epilogue="\r\n",
    ),
    Program(
        "Roundcube",
        f'Content-Type: multipart/signed;\r\n {_PROTOCOL};\r\n boundary="{{b}}";\r\n micalg=pgp-{{m}}',
        lambda rng: "=_" + _drawn(rng, _HEX.lower(), 32),
        (_NAMED, _ATTACHED + "signature.asc;\r\n size=228", _DESCRIBED),
    ),
    Program(
        "a script",
        "Content-type: Multipart/Signed; protocol=application/pgp-signature; boundary={b}",
        lambda rng: _drawn(rng, ALNUM, 12),
        ("content-type: application/PGP-Signature",),
        beside=(),
        encoding="base64",
    ),
    Program(
        "RFC 2046",
        f'Content-Type: multipart/signed; micalg=pgp-{{m}} (the digest); {_PROTOCOL}; boundary="{{b}}" ;',
        lambda rng: _drawn(rng, "'()+_,-./:=?", rng.randrange(1, 70)) + "x",
        (_NAMED,),
        "This is a multi-part message in MIME format.\r\n",
        epilogue="\r\n \r\n",
    ),
)
