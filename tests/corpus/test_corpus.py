"""The corpus of mail that means harm, or does it by accident: each case is inspected for real and ends as it must."""

from __future__ import annotations

import ast
import importlib
import json
import logging
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest

from mailproc import authenticate, logs, pipeline, screening
from mailproc.cli.inspect import write_records
from mailproc.inspection import ACTIONS
from tests.corpus.cases import Case, OneOf, People
from tests.corpus.conftest import inspector_for
from tests.corpus.output import MARK

TOP = Path(__file__).parents[2]
MODULES = ("malformed", "addresses", "automatic", "signatures", "dkim_signatures", "output")
CLASSES = [f"B{number:02}" for number in (*range(1, 80), *range(84, 89))]

# What one mail cannot show, because it takes a run, several mails or an answer: the tests that do.
SHOWN_BY: dict[str, str] = {
    "B12": "tests/answers/test_answer_compose.py::test_too_large_mail_tells_sizes_and_gives_little_back",
    "B36": "tests/corpus/test_answers.py::test_an_answer_has_our_fields_alone_and_goes_to_the_author",
    "B37": "tests/corpus/test_answers.py::test_an_answer_has_our_fields_alone_and_goes_to_the_author",
    "B55": "tests/loops/test_two_installations.py::test_b55_real_runs_on_a_real_dovecot",
    "B56": "tests/loops/test_two_installations.py::test_b56_an_unmarked_answer_to_each_error_mail_is_bounded",
    "B57": "tests/loops/test_two_installations.py::test_b57_an_alias_that_leads_back_to_us",
    "B59": "tests/loops/test_forged_senders.py::test_b59_nobody_is_answered_who_did_not_write",
    "B60": "tests/processing/test_copies.py::test_the_same_mail_twice_in_one_chunk_has_one_effect",
    "B61": "tests/processing/test_copies.py::test_another_mail_with_the_same_message_id_is_another_mail",
    "B75": "tests/acceptance/test_signed_mail.py::test_the_same_signature_counts_once",
    "B88": "tests/test_oops.py::test_secrets_are_blacked_out",
}


def cases_of(name: str) -> list[Case]:
    """The cases of a module of this package."""
    found: list[Case] = importlib.import_module(f"tests.corpus.{name}").cases()
    return found


CASES = [case for name in MODULES for case in cases_of(name)]

RECORD: dict[str, type | tuple[type, ...]] = {
    "file": str,
    "verdict": str,
    "rule": str,
    "reason": str,
    "action": str,
    "sender": (str, type(None)),
    "authentication": dict,
    "recipients": list,
    "handler": type(None),  # there is no configuration
    "sha256": str,
    "size": int,
    "message_id": (str, type(None)),
    "attachments": list,
    "reply_text": (str, type(None)),
    "defects": list,
    "error": type(None),  # all of them can be read
    "elapsed_ms": float,
}
AUTHENTICATION: dict[str, type | tuple[type, ...]] = {
    "level": str,
    "method": str,
    "fingerprint": (str, type(None)),
    "signed": str,
    "signed_at": (str, type(None)),
    "content_sha256": (str, type(None)),
    "reason": str,
}
ATTACHMENT = {"name": str, "safe_name": str, "type": str, "size": int}
RULES = {"too-big.size", *screening.RULE_IDS, *authenticate.RULE_IDS, *pipeline.RULE_IDS}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_case_ends_as_it_must(case: Case, people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The record has what is wanted, holds the contract, and is shown as lines that harm no terminal."""
    record = inspect(case, people, tmp_path)
    assert_contract(record)
    missed = {key: found for key, want in case.wanted.items() if not fits(found := at(record, key), want, key)}
    assert not missed, f"wanted {[case.wanted[key] for key in missed]}"
    write_records([record], "text")
    write_records([record], "jsonl")
    *lines, line = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert all(map(is_plain, lines))
    assert json.loads(line) == record
    assert line.isascii()


def inspect(case: Case, people: People, folder: Path) -> dict[str, Any]:
    """The record of a case."""
    file = folder / "mail.eml"
    file.write_bytes(case.raw(people) if callable(case.raw) else case.raw)
    return inspector_for(case, people).file(file, case.arrival)


def at(record: dict[str, Any], key: str) -> Any:
    """What stands in the record under a key with dots in it."""
    found: Any = record
    for name in key.removesuffix("+").split("."):
        found = found[int(name)] if isinstance(found, list) else found[name]
    return found


def fits(found: Any, want: Any, key: str) -> bool:
    """Whether a value is one that is wanted."""
    if key.endswith("+"):
        return set(want) <= set(found)
    return found in want if isinstance(want, OneOf) else found == want


def assert_contract(record: dict[str, Any]) -> None:
    """A record has all its keys, each of its type and in its range."""
    assert_types(record, RECORD)
    assert_types(record["authentication"], AUTHENTICATION)
    for attachment in record["attachments"]:
        assert_types(attachment, ATTACHMENT)
        assert is_plain(attachment["safe_name"]) and not set(attachment["safe_name"]) & set("/\\")
    assert record["verdict"] in list(screening.Verdict)
    assert record["rule"] in RULES
    assert record["action"] in ACTIONS.values()
    assert is_plain(record["reason"]) and is_plain(record["authentication"]["reason"])
    assert re.fullmatch("[0-9a-f]{64}", record["sha256"])
    assert len(record["recipients"]) <= 100
    assert all(isinstance(each, str) for each in (*record["recipients"], *record["defects"]))
    assert len((record["reply_text"] or "").encode()) <= 1 << 20
    assert_authentication(record["authentication"])


def assert_authentication(found: dict[str, Any]) -> None:
    """Who sent a mail is said in the words of the contract, and what is not proven is not claimed."""
    assert (found["level"], found["method"]) in {("none", "none"), ("weak", "from"), ("strong", "openpgp"), ("strong", "dkim")}
    assert found["signed"] in {"whole", "part", "none"}
    assert found["level"] != "strong" or found["signed"] == "whole" or found["method"] == "dkim"
    assert (found["fingerprint"] is not None) == (found["method"] == "openpgp")
    assert re.fullmatch("[0-9A-F]{40}", found["fingerprint"] or "A" * 40)
    assert re.fullmatch("[0-9a-f]{64}", found["content_sha256"] or "a" * 64)
    assert found["signed_at"] is None or datetime.fromisoformat(found["signed_at"]).tzinfo


def assert_types(found: dict[str, Any], types: dict[str, Any]) -> None:
    """The keys are exactly these, in their order, and each value is of its type."""
    assert list(found) == list(types)
    assert not {key: found[key] for key, kind in types.items() if not isinstance(found[key], kind)}


def is_plain(text: str) -> bool:
    """Whether a line can be shown: no control, bidirectional or other invisible characters, and no line end."""
    return not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for character in text)


QUOTED_IN_REASONS = re.compile(r"B85\..*-in-(precedence|auto-submitted|report-type)")
OUTPUT = [case for case in cases_of("output") if not case.id.startswith("B84")]


@pytest.mark.parametrize("case", OUTPUT, ids=lambda case: case.id)
def test_words_of_a_mail_stay_where_they_are(
    case: Case, people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They stand neither in the reason nor among the answers of the text form, but for the names of what is attached."""
    record = inspect(case, people, tmp_path)
    if QUOTED_IN_REASONS.fullmatch(case.id):
        assert len(record["reason"]) <= 200
        return
    assert MARK not in record["reason"] + record["authentication"]["reason"]
    write_records([{**record, "attachments": [], "recipients": []}], "text")
    assert MARK not in capsys.readouterr().out


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("form", ["text", "json"])
def test_words_of_a_mail_do_no_harm_in_a_log(form: Literal["text", "json"], tmp_path: Path) -> None:
    """Each record is one line, whatever is in it, and none of it is evaluated."""
    logs.to_file(tmp_path / "log", form)
    raws = [case.raw.decode("utf-8", "replace") for case in OUTPUT if isinstance(case.raw, bytes)]
    for raw in raws:
        logging.getLogger("mailproc.test").error("this came: %s", raw, extra={"about": {"subject": raw}})
    *lines, rest = (tmp_path / "log").read_text().split("\n")
    assert (len(lines), rest) == (len(raws), "")
    assert all(map(is_plain, lines))
    assert max(map(len, lines)) < 50_000
    if form == "json":
        assert all(json.loads(line)["message"].startswith("this came: ") for line in lines)


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process without any logging, and that of the other tests as it was when we leave."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    yield
    for handler in root.handlers:
        handler.close()


# The corpus itself ---------------------------------------------------------------------------------------------------------


def test_every_class_is_shown() -> None:
    """Each class has a case, or a test that shows what a single mail cannot."""
    absent = [name for name in MODULES if not cases_of(name)]
    assert not absent, f"tests/corpus/ has no cases in: {', '.join(absent)}"
    shown = {case.id.partition(".")[0] for case in CASES} | set(SHOWN_BY)
    assert sorted(shown) == CLASSES


def test_ids_are_unique() -> None:
    """A case is named once."""
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"B[0-9]{2}\.[a-z0-9-]+", id) for id in ids)


@pytest.mark.parametrize("name", sorted(set(SHOWN_BY.values())))
def test_what_shows_a_class_exists(name: str) -> None:
    """A test that is named for a class is there."""
    file, _, function = name.partition("::")
    assert function in functions_in(file)


@cache
def functions_in(file: str) -> set[str]:
    """The names of the test functions of a file."""
    found = ast.parse((TOP / file).read_text())
    return {node.name for node in ast.walk(found) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}
