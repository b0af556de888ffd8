"""What a person wrote in a reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailproc.reading import read_message, reply_text
from tests.cost import within

ON = "On Thu, Nov 19, 2026 at 10:00 AM Ann <ann@example.org> wrote:"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (f"Yes.\n\n{ON}\n\n> Shall we?\n> Ann\n", "Yes."),
        ("Yes.\n\nOn Thu, Nov 19, 2026 at 10:00 AM Ann Very Long Name\n<ann@example.org> wrote:\n\n> Shall we?\n", "Yes."),
        ("Ja.\n\nAm Do., 19. Nov. 2026 um 10:00 Uhr schrieb Ann <ann@example.org>:\n\n> Sollen wir?\n", "Ja."),
        ("Ja.\n\nVon: Ann\nGesendet: Donnerstag, 19. November\nAn: Bob\nBetreff: Frage\n\nSollen wir?\n", "Ja."),
        ("Yes.\n\n-----Original Message-----\nFrom: Ann\nSent: Thursday\nTo: Bob\nSubject: x\n\nShall we?\n", "Yes."),
        ("Yes.\n\n________________________________\nFrom: Ann\nSent: Thursday\nTo: Bob\nSubject: x\n\nShall we?\n", "Yes."),
        ("Oui.\n\nLe jeu. 19 nov. 2026 à 10:00, Ann <ann@example.org> a écrit :\n\n> On y va ?\n", "Oui."),
        (f"Yes.\r\n\r\n{ON}\r\n> Shall we?\r\n", "Yes."),
        ("Yes.\n\nSent from my iPhone\n\n> On 19 Nov 2026, at 10:00, Ann <ann@example.org> wrote:\n> \n> Shall we?\n", "Yes."),
        ("Yes.\n\nGet Outlook for Android\n", "Yes."),
        ("Hello\n\n-- \nBob\nExample Ltd\n", "Hello"),
        ("Hello\n--\nBob\nExample Ltd\n", "Hello"),
        ("Hello\n--\na list\n--\n" + "Bob\n" * 8, "Hello\n--\na list"),
        (f"Hello\n\n-- \nBob\n\n{ON}\n> Shall we?\n> -- \n> Ann\n", "Hello"),
        (f"{ON}\n> Shall we?\n> Ann\n\nYes.\n\n-- \nBob\n", "Yes."),
        (f"Hi Ann,\n\n{ON}\n> Shall we?\n\nYes.\n", "Hi Ann,\n\nYes."),
        (f"Hi Ann,\n\n{ON}\n{'> word ' * 100}\n\nYes.\n", "Hi Ann,\n\nYes."),
        ("\n\n  indented\n\n> a\n> b\n> c\n", "  indented"),
    ],
)
def test_replies(text: str, own: str) -> None:
    """Quotes and signatures of the usual mailers go."""
    assert reply_text(text) == own


ADDRESS = "Ann <ann@example.org>"

# What mailers write above a quote, in the words of their languages.
ATTRIBUTIONS = [
    f"On Thu, Nov 19, 2026 at 10:00 AM {ADDRESS} wrote:",
    f"Am Do., 19. Nov. 2026 um 10:00 Uhr schrieb {ADDRESS}:",
    f"Le jeu. 19 nov. 2026 à 10:00, {ADDRESS} a écrit :",
    f"Le jeu. 19 nov. 2026 à 10:00, {ADDRESS} a écrit\xa0:",
    "El jue, 19 nov 2026 a las 10:00, Ann (<ann@example.org>) escribió:",
    f"Il giorno gio 19 nov 2026 alle ore 10:00 {ADDRESS} ha scritto:",
    f"Em qui., 19 de nov. de 2026 às 10:00, {ADDRESS} escreveu:",
    f"{ADDRESS} escreveu (quinta, 19/11/2026 à(s) 10:00):",
    f"Op do 19 nov 2026 om 10:00 schreef {ADDRESS}:",
    f"czw., 19 lis 2026 o 10:00 {ADDRESS} napisał(a):",
    f"Den tors 19 nov. 2026 kl 10:00 skrev {ADDRESS}:",
    f"tor. 19. nov. 2026 kl. 10:00 skrev {ADDRESS}:",
    "to 19. marrask. 2026 klo 10.00 Ann (ann@example.org) kirjoitti:",
    f"čt 19. 11. 2026 v 10:00 odesílatel {ADDRESS} napsal:",
    f"чт, 19 нояб. 2026 г. в 10:00, {ADDRESS}:",
    f"2026年11月19日(木) 10:00 {ADDRESS}:",
    f"{ADDRESS} 于2026年11月19日周四 10:00写道：",
    "On 19.11.26 10:00, Ann wrote:",
    "Am 19.11.26 um 10:00 schrieb Ann:",
    "Le 19/11/2026 à 10:00, Ann a écrit :",
    "El 19/11/26 a las 10:00, Ann escribió:",
    "Il 19/11/26 10:00, Ann ha scritto:",
    "On Thu, Nov 19, 2026 at 10:00:00AM +0100, Ann wrote:",
    f"{ADDRESS} writes:",
    "Il giorno gio 19 nov 2026 alle ore 10:00 Ann Dal Nome Molto Lungo\n<ann@example.org> ha scritto:",
    "czw., 19 lis 2026 o 10:00 Ann O Bardzo Długim Nazwisku\n<ann@example.org> napisał(a):",
    "2026.11.19. 10:00 keltezéssel, Ann írta:",
    "On Nov 19, 2026, at 10:00 AM, Ann Very Long Name\n<ann99@example.org>\nwrote:",
    "On Nov 19, 2026,\nat 10:00,\nAnn <ann@example.org> wrote:",
    "tor. 19. nov. 2026 kl. 10:00 skrev Ann Med Langt Navn <ann@example.org\n>:",
    '19.11.2026 10:00 пользователь "ann@example.org" <\nann@example.org> написал:',
]

# Those that can be nothing else, so that the text below them need not be marked.
DATED = [
    f"2026-11-19 10:00 GMT+01:00 {ADDRESS}:",
    f'19.11.2026, 10.00, "Ann" {ADDRESS[4:]}:',
    f"чт, 19 нояб. 2026\u202fг. в 15:19, {ADDRESS}:",
    f"In data 19 novembre 2026 10:00:00 {ADDRESS} ha scritto:",
    "to 19. marraskuuta 2026 klo 10.00 Ann Pitkänimi\n<ann@example.org> kirjoitti:",
    "---- On Thu, 19 Nov 2026 10:00:00 +0100 ann@example.org wrote ----",
]

# The header that Outlook puts there instead: From, Sent, To and Subject.
OUTLOOK = [
    ("From:", "Sent:", "To:", "Subject:"),
    ("*From:*", "*Sent:*", "*To:*", "*Subject:*"),
    ("Von:", "Gesendet:", "An:", "Betreff:"),
    ("De :", "Envoyé :", "À :", "Objet :"),
    ("De\xa0:", "Envoyé\xa0:", "À\xa0:", "Objet\xa0:"),
    ("De:", "Enviado el:", "Para:", "Asunto:"),
    ("Da:", "Inviato:", "A:", "Oggetto:"),
    ("De:", "Enviada em:", "Para:", "Assunto:"),
    ("Van:", "Verzonden:", "Aan:", "Onderwerp:"),
    ("Od:", "Wysłano:", "Do:", "Temat:"),
    ("Från:", "Skickat:", "Till:", "Ämne:"),
    ("Fra:", "Sendt:", "Til:", "Emne:"),
    ("От:", "Отправлено:", "Кому:", "Тема:"),
    ("差出人:", "送信日時:", "宛先:", "件名:"),
]
RULES = [
    "",
    "________________________________\n",
    "________________________________________\n",
    "-----Original Message-----\n",
    "-----Message d'origine-----\n",
    "-----Messaggio originale-----\n",
    "-------- Ursprüngliche Nachricht --------\n",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_attributions(attribution: str) -> None:
    """A quote goes with the line above it, where the reply stands above or below."""
    for gap in ("\n", "\n\n"):
        assert reply_text(f"Yes.\n\n{attribution}{gap}> Shall we?\n>\n> Ann\n") == "Yes."
        assert reply_text(f"{attribution}{gap}> Shall we?\n\nYes.\n-- \nBob\n") == "Yes."
    inline = f"{attribution}\n> one?\nYes\n> two?\nNo"
    assert reply_text(inline) == inline


@pytest.mark.parametrize("attribution", DATED)
def test_attributions_of_unmarked_text(attribution: str) -> None:
    """A date, a time and an address above a colon, in a paragraph of their own, need no marks below them."""
    for below in ("Shall we?\n\nAnn\n", "> Shall we?\n"):
        assert reply_text(f"Yes.\n\n{attribution}\n\n{below}") == "Yes."
    for text in (f"Yes.\nThis is\n{attribution}\n\nShall we?", f"Yes.\n\n{attribution} no\n\nShall we?"):
        assert reply_text(text) == text


@pytest.mark.parametrize(
    ("above", "attribution"),
    [
        ("I have 2 cats.", "On 19 Nov 2026 Ann wrote:"),
        ("I have 2 cats,", "On 19 Nov 2026 Ann wrote:"),
        ("Look:", "Ann <ann@example.org> wrote:"),
        ("Yes.", '19.11.2026 10:00 "ann@example.org" <\nann@example.org> написал:'),
    ],
)
def test_a_line_above_an_attribution(above: str, attribution: str) -> None:
    """It is the person's, where it is not certainly the attribution's."""
    assert reply_text(f"{above}\n{attribution}\n> Shall we?\n") == above


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("names", OUTLOOK)
def test_outlook(names: tuple[str, str, str, str], rule: str) -> None:
    """The mail below the header that Outlook repeats goes with it."""
    values = (ADDRESS, "Thursday, November 19, 2026 10:00 AM", "Bob <bob@example.org>", "Question")
    header = "\n".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
    assert reply_text(f"Yes.\n\n{rule}{header}\n\nShall we?\n\n-- \nAnn\n") == "Yes."


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Get Outlook for iOS<https://example.org/ios>",
        "Outlook für Android beziehen",
        "Télécharger Outlook pour iOS",
        "Sent with Proton Mail secure email.",
    ],
)
def test_lines_of_devices(line: str) -> None:
    """What a device adds is none of the person's words."""
    assert reply_text(f"Yes.\n\n{line}\n") == "Yes."
    assert reply_text(f"Yes.\n\n{line}\n\n{ON}\n> Shall we?\n") == "Yes."


FROM_ANN = "Ann &lt;ann@example.org&gt;"
HTML = {
    "Gmail": f"""<div dir=ltr>Yes.</div><br><div class=gmail_quote><div dir=ltr class=gmail_attr>On Thu, Nov 19, 2026 at
        10:00 AM Ann &lt;<a href="mailto:ann@example.org">ann@example.org</a>&gt; wrote:<br></div>
        <blockquote class=gmail_quote>Shall we?<br><blockquote>{FROM_ANN}</blockquote></blockquote></div>""",
    "Outlook": f"""<p class=MsoNormal>Yes.<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>
        <div style="border-top:solid #E1E1E1 1.0pt"><p class=MsoNormal><b><span>From:</span></b><span> {FROM_ANN} <br>
        <b>Sent:</b> Thursday, November 19, 2026 10:00 AM<br><b>To:</b> Bob<br><b>Subject:</b> Question</span></p></div>
        <p class=MsoNormal>Shall we?</p>""",
    "Outlook web": f"""<div>Yes.</div><hr tabindex=-1><div id=divRplyFwdMsg><font><b>Von:</b> {FROM_ANN}<br>
        <b>Gesendet:</b> Donnerstag, 19. November 2026 10:00<br><b>An:</b> Bob<br><b>Betreff:</b> Frage</font></div>
        <div>Sollen wir?</div>""",
    "Thunderbird": """<p>Yes.</p><div class=moz-cite-prefix>Am 19.11.26 um 10:00 schrieb Ann:<br></div>
        <blockquote type=cite><p>Sollen wir?</p><p>Ann</p></blockquote>""",
    "Apple Mail": f"""Yes.<div><br><blockquote type=cite><div>On 19 Nov 2026, at 10:00, {FROM_ANN} wrote:</div><br>
        <div>Shall we?</div></blockquote></div>""",
}


@pytest.mark.parametrize("html", HTML.values(), ids=HTML)
def test_replies_in_html(html: str) -> None:
    """A reply that was written in HTML alone loses its quote all the same."""
    assert reply_text(read_message(b"Content-Type: text/html; charset=utf-8\n\n" + html.encode()).text) == "Yes."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        " affects foo\n status new\n\nText\n done",
        f"Hi,\n\n{ON}\n> one?\nYes\n> two?\nNo\n> three?\n\nMaybe",
        f"{ON}\n> one?\nYes\n> two?\nNo",
        "Look:\n> a\n> b\n> c\nI do not think so.",
        "It says in chapter 3:\n> a\nWhat is that?",
        "Da: Roma\nData: 5 maggio\nA: Milano",
        "From: the start I said so.\nOn Monday I wrote:\nit is broken, and it still is.",
        "A patch.\n\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b",
        "> a\n> b\n> c",
        "-- \nBob",
        "--\nBob",
        "Hello\n--" + "\na long text" * 10,
        "Sent from my iPhone",
        f"{ON}\n\n> all of it\n> is a quote",
        "   \n\n",
        "Yes.\n\n" + "> x\n" * 6000,
        "Yes.\n\n> " + "x" * 300_000,
    ],
)
def test_kept_whole(text: str) -> None:
    """Where it is not certain what the person wrote, all of it is kept."""
    assert reply_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "to:\n" * 5000,
        "> to:\n" * 5000,
        "to: x\n" * 5000,
        ("Op" + " heeft" * 39 + "\n") * 1050,
        ("2020/1/1 " + " <" * 60 + "@" * 60 + "\n") * 1000,
        "Am" + " schrieb" * 30_000,
        ">a\n" * 5000,
        "-" * 230 + "\n" + "From:\n" * 4900,
        ("1 wrote:\n" + "> a\n") * 2500,
        "Da: x\nInviato: y\n" * 2500,
        ("1 " * 118 + ":\n") * 1000,
        ("1 10:00 @a " * 3 + "1:11 " * 40 + ":\n") * 1000,
        ("1:11" + "a" * 230 + ":\n\n") * 1000,
    ],
    ids=range(13),
)
def test_time_is_bounded(text: str) -> None:
    """No text of the permitted size takes long, whatever the library's expressions make of it."""
    within(5, lambda: reply_text(text))


texts = st.lists(
    st.sampled_from([ON, "> a", ">", "", "  ", "-- ", "Yes", "From: a", "To: b", "Sent from my x", "> On 1 wrote:", " " * 300])
)


@given(st.one_of(st.text(), texts.map("\n".join)))
def test_any_text(text: str) -> None:
    """Any text has a reply text, which is not empty unless all of it is."""
    assert bool(reply_text(text).strip()) == bool(text.strip())
