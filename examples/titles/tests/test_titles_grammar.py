"""The names of titles are read as the club has always read them."""

import time

import pytest
from titles.grammar import Title, read_title

NOW = 2026


@pytest.mark.parametrize(
    ("name", "root", "period"),
    [
        ("FORM", "FORM", 2026),
        ("FORM13", "FORM", 2013),
        ("FORM2013", "FORM", 2013),
        ("FORM1314", "FORM", 2013),
        ("GFORM14", "FORM", 2013),
        ("KFORM", "FORM", 2027),
        ("TFORM", "FORM", 2025),
        ("BFORM", "FORM", 2024),
        ("OFORM", "FORM", 2023),
        ("T2OFORM", "FORM", 2021),
        ("O10FORM", "FORM", 1996),
        ("KGFORM", "FORM", 2026),
        ("KKASS", "KASS", 2027),
        ("BBEST", "BEST", 2024),
        ("GBESTFU13", "BESTFU", 2012),
        ("FU", "FU", 2026),
        ("EFU15", "EFU", 2015),
        ("FUVE15", "FUVE", 2015),
        ("GEFUVE", "EFUVE", 2025),
        ("FUÆØ", "FUÆØ", 2026),
        ("VC57", "VC", 1957),
        ("VC56", "VC", 2056),
        ("VC9900", "VC", 1999),
        ("VC1999", "VC", 1999),
        ("VC1920", "VC", 2019),
        ("VC2021", "VC", 2020),
        ("VC2025", "VC", 2025),
    ],
)
def test_a_name_is_a_title(name: str, root: str, period: int) -> None:
    """A prefix counts back from the year, and a year is two digits, four, or two years in a row."""
    assert read_title(name, NOW) == Title(root, period)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "REVY",
        "FORM1",
        "FORM131",
        "FORM1315",
        "FORM13140",
        "FORM3013",
        "XFORM",
        "13FORM",
        "form",
        "FUV",
        "FUVEX",
        "G",
        "FORM-13",
        "FORM٢٠",
    ],
)
def test_a_name_is_no_title(name: str) -> None:
    """Any other year, prefix or root."""
    assert read_title(name, NOW) is None


def test_a_long_name_is_read_in_time() -> None:
    """A local part has 64 octets at most, and this is a thousand times that."""
    started = time.monotonic()
    assert read_title("G1" * 20_000 + "B" * 20_000, NOW) is None
    assert time.monotonic() - started < 1
