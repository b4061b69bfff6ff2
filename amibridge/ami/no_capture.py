"""What a file is that is no capture: the likely reason, in words for whoever took it for one."""

import re

_MAKES_ONE = "a capture is what the manager interface sends after the login: `amibridge record` makes one"
OLD = (
    "is of Asterisk 11 or older (manager interface 1.x), whose events tell neither who was dialled nor who heard whom;"
    " amibridge needs Asterisk 16 to 22"
)
_MAGIC = (
    (
        (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\n\r\r\n"),
        "is a network capture (pcap); take the manager's bytes out of it, with Wireshark's `Follow TCP Stream` as raw",
    ),
    ((b"PK\x03\x04", b"7z\xbc\xaf", b"Rar!"), "is an archive; unpack it"),
    ((b"BZh", b"\x28\xb5\x2f\xfd"), "is compressed by something else than gzip or xz; unpack it"),
    ((b"\xff\xfe", b"\xfe\xff"), "is text in UTF-16, as PowerShell writes it; convert it to UTF-8"),
    ((b"SQLite format 3\0",), "is a database; `amibridge calls` and `explain` without a file look into the store"),
)
_ANSWERS = "holds answers and no event: the account has no `read = call`, or logged in with `Events: off`"
_OLD_GREETING = re.compile(rb"Asterisk Call Manager/1\.")
_OLD_EVENT = re.compile(rb"(?:\A|\n)Event: (?:Dial|Bridge|Link|Unlink|Masquerade|Rename|ChannelUpdate)\r?\n")
_REFUSED = re.compile(rb"(?:\A|\n)Response: Error\r?\n(?:[^\r\n]+\r?\n)*?Message: ([^\r\n]*)")
_TEXTS = (
    (re.compile(rb"\[(?:\d{4}-\d\d-\d\d|[A-Z][a-z]{2} [ \d]\d)[ T]\d\d:\d\d:\d\d"), "is a log of Asterisk, no stream"),
    (re.compile(rb"\d{10}\|[^|\n]*\|[^|\n]*\|"), "is Asterisk's queue_log, no stream"),
    (re.compile(rb"[^\n]*\"call_id\""), "is what `--json` printed, no stream"),
    (re.compile(rb"[\[{]"), "is JSON, no stream"),
    (re.compile(rb"(?:[^\n,]*,){8}"), "is a table, such as the CDRs in Master.csv, no stream"),
    (re.compile(rb"<[?!a-z]"), "is XML or a web page, no stream"),
    (re.compile(rb"Event: [\w-]*(?:\r?\n[^\r\n]+)*\r?\n?\Z"), "is cut off inside of its first packet"),
    (re.compile(rb"(?s:.*?)(?:\A|\n)Response: "), _ANSWERS),
    (re.compile(rb"(?s:.*?)(?:\A|\n)Event: "), "holds events without `Privilege`, which the manager sends with each"),
    (re.compile(rb"Asterisk Call Manager/[^\n]*\n?\s*\Z"), "holds only the greeting: nobody logged in"),
    (re.compile(rb"(?s:.*?)(?:\A|\n)Action: "), "holds what was sent to the manager, and no event of the manager's"),
    (
        re.compile(rb"(?s:.*?)[^\n]Event: \w"),
        "shows events with something before them in their lines, as logs and `tcpdump -A` do",
    ),
)


class NotACaptureError(Exception):
    """The file holds no manager packets; the text says what it likely is, behind the file's name."""


def refuse(head: bytes) -> None:
    """Raises NotACaptureError where the first bytes say that this is something else, whatever else it may hold."""
    for magics, what in _MAGIC:
        if head.startswith(magics):
            raise NotACaptureError(what)


def is_old(chunk: bytes) -> bool:
    """Whether Asterisk 11 or older says something here. A caller can make it look so: what is understood is not old."""
    return _OLD_GREETING.match(chunk) is not None or _OLD_EVENT.search(chunk) is not None


def likely(head: bytes) -> NotACaptureError:
    """Why there is no event in a file that begins so."""
    what = _what(head)
    return NotACaptureError(what if what is OLD else f"{what}; {_MAKES_ONE}")


def _what(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        return "is empty" if not head else "holds nothing but empty lines"
    if is_old(text):
        return OLD
    refused = _REFUSED.search(text)
    if refused is not None:
        return f"holds a refused login and no event ({refused[1].decode('utf-8', 'replace')})"
    for pattern, what in _TEXTS:
        if pattern.match(text):
            return what
    binary = b"\0" in text
    return "is binary, no stream" if binary else "is text, and no line of it begins an event (`Event: …`)"
