"""Total reading of hostile bytes: every function here answers for any input and raises for none."""

from mailproc.reading.addresses import read_addresses, sole_author
from mailproc.reading.attachments import Attachment
from mailproc.reading.charsets import decode_text
from mailproc.reading.comments import without_comments
from mailproc.reading.dates import read_date
from mailproc.reading.display import one_line
from mailproc.reading.header import Header, read_header
from mailproc.reading.html import markdown_of
from mailproc.reading.htmlquotes import without_html_quotes
from mailproc.reading.mediatype import top_type
from mailproc.reading.message import Message, read_message
from mailproc.reading.quotes import reply_text, without_quotes
from mailproc.reading.words import decode_words

__all__ = [
    "Attachment",
    "Header",
    "Message",
    "decode_text",
    "decode_words",
    "markdown_of",
    "one_line",
    "read_addresses",
    "read_date",
    "read_header",
    "read_message",
    "reply_text",
    "sole_author",
    "top_type",
    "without_comments",
    "without_html_quotes",
    "without_quotes",
]
