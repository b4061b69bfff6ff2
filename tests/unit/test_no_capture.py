"""What is given to `replay` for a capture and is none, and captures that an editor has been at."""

import gzip
import json
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from amibridge.ami.captures import chunks
from amibridge.ami.line_ends import mended
from amibridge.cli import main
from tests.replay.playing import CAPTURES, Capture, captures, listed, raw

CONFIG = str(CAPTURES / "lab.yaml")
GROUP = CAPTURES / "asterisk-22/ringgroup_134_answers.ami.xz"
STREAM = raw(GROUP)
EVENT = b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: SIP/134-1\r\n"
OLD = (
    b"Event: Dial\r\nPrivilege: call,all\r\nSubEvent: Begin\r\nChannel: SIP/provider-1\r\nDestination: SIP/134-2\r\n"
    b"UniqueID: 1414491300.1\r\nDestUniqueID: 1414491300.2\r\n\r\n"
)
LOG = b'[2026-11-21 19:56:11] VERBOSE[812][C-00000001] pbx.c: Executing [s@ivr:1] Answer("PJSIP/provider-1") in new'
CDR = (
    b'"","79031234504","600","from-trunk","""A"" <7903>","PJSIP/provider-1","PJSIP/134-2","Dial","x",12,9,"ANSWERED"\n'
)
PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + bytes(16)
NONE = {
    "empty": (b"", "is empty"),
    "empty lines": (b"\r\n\r\n\r\n", "holds nothing but empty lines"),
    "text": (b"134 answered, and 120 got the card. Why?\n" * 9, "is text, and no line of it begins an event"),
    "binary": (bytes(range(256)) * 9, "is binary"),
    "json": (json.dumps([{"Event": "Newchannel"}]).encode(), "is JSON"),
    "ours": (b'{"call_id":"lab:1795290969.6","direction":"inbound"}\n', "is what `--json` printed"),
    "log": (LOG + b"\n", "is a log of Asterisk"),
    "old log": (b"[Nov 21 19:56:11] NOTICE[812]: chan_sip.c: Registration\n", "is a log of Asterisk"),
    "queue_log": (b"1795290969|1795290969.6|700|NONE|ENTERQUEUE||7903|1\n", "is Asterisk's queue_log"),
    "cdr": (CDR * 3, "is a table, such as the CDRs in Master.csv"),
    "cdr with a head": (b"calldate,clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,duration\n", "is a table"),
    "html": (b"<!DOCTYPE html><html></html>", "is XML or a web page"),
    "truncated": (EVENT[:-2], "is cut off inside of its first packet"),
    "cut inside a line": (EVENT[:-9], "is cut off inside of its first packet"),
    "greeting": (b"Asterisk Call Manager/9.0.0\r\n", "holds only the greeting: nobody logged in"),
    "refused": (
        b"Asterisk Call Manager/9.0.0\r\nResponse: Error\r\nMessage: Authentication failed\r\n\r\n",
        "holds a refused login and no event (Authentication failed)",
    ),
    "answers": (
        b"Asterisk Call Manager/9.0.0\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n",
        "holds answers and no event: the account has no `read = call`",
    ),
    "sent": (b"Action: Login\r\nUsername: bridge\r\nSecret: x\r\n\r\n", "holds what was sent to the manager"),
    "no privilege": (b"Event: Newchannel\r\nChannel: SIP/1-1\r\n\r\n" * 2, "holds events without `Privilege`"),
    "tcpdump": (b"19:56:11.1 IP 127.0.0.1.5038 > 127.0.0.1: \n.. Event: Newchannel..Privilege: call\n", "tcpdump -A"),
    "pcap": (PCAP + STREAM, "is a network capture (pcap)"),
    "pcapng": (b"\n\r\r\n" + STREAM, "is a network capture (pcap)"),
    "zip": (b"PK\x03\x04" + bytes(40), "is an archive; unpack it"),
    "bzip2": (b"BZh9" + bytes(40), "is compressed by something else than gzip or xz"),
    "utf-16": (b"\xff\xfe" + STREAM.decode("latin-1").encode("utf-16-le"), "is text in UTF-16"),
    "database": (b"SQLite format 3\0" + bytes(84), "is a database"),
    "old greeting": (b"Asterisk Call Manager/1.3\r\n" + EVENT + b"\r\n", "is of Asterisk 11 or older"),
    "old greeting alone": (b"Asterisk Call Manager/1.1\r\n", "is of Asterisk 11 or older"),
    "old events": (OLD, "is of Asterisk 11 or older"),
    "gzip of nothing": (gzip.compress(b""), "is empty"),
    "gzip cut off": (gzip.compress(STREAM)[:12], "is cut off before anything in it can be unpacked"),
    "gzip damaged": (gzip.compress(STREAM)[:2000] + b"\xff" * 4000, "is damaged: "),
    "gzip with a wrong sum": (gzip.compress(STREAM)[:-8] + bytes(8), "is damaged: "),
    "xz damaged": (lzma.compress(STREAM)[:1500] + bytes(4000), "is damaged: "),
    "gzip of a pcap": (gzip.compress(PCAP + STREAM), "is a network capture (pcap)"),
}


@pytest.mark.parametrize("name", NONE)
@pytest.mark.parametrize("ending", [".ami", ".gz", ""])
def test_what_is_no_capture_says_what_it_likely_is(
    name: str, ending: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    what, said = NONE[name]
    file = tmp_path / f"heard{ending}"
    file.write_bytes(what)
    for command in (["replay", str(file)], ["replay", "--json", str(file)], ["explain", str(file), "1"]):
        assert main([*command, "--config", CONFIG]) == 1
        out, err = capfd.readouterr()
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith(f"{file} ")
        assert said in line


def test_a_caller_cannot_make_a_capture_look_old(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A line of his stands in the stream, and a whole packet behind an empty line."""
    forged = STREAM.replace(b"\r\n\r\n", b"\r\n\r\n" + OLD, 1)
    assert forged != STREAM
    file = tmp_path / "forged.ami"
    file.write_bytes(forged)
    assert main(["replay", "--config", CONFIG, str(file)]) == 0
    assert "134:1.5s" in capfd.readouterr().out


def test_scrubbing_refuses_it_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "heard.pcap"
    file.write_bytes(PCAP)
    out = str(tmp_path / "out.ami")
    assert main(["record", out, "--scrub", "--from", str(file), "--config", CONFIG]) == 1
    assert "is a network capture (pcap)" in capfd.readouterr().err
    assert not Path(out).exists()


# Line ends


def replayed(file: Path, config: Path, capfd: pytest.CaptureFixture[str]) -> str:
    assert main(["replay", "--json", "--config", str(config), str(file)]) == 0
    return capfd.readouterr().out


@pytest.mark.parametrize("one", [*captures()[::12], *listed()], ids=lambda one: one.name)
def test_an_editor_that_converts_line_ends_changes_nothing(
    one: Capture, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "edited.ami"
    file.write_bytes(b"\xef\xbb\xbf" + one.raw.replace(b"\r\n", b"\n"))
    assert replayed(file, one.config, capfd) == replayed(one.path, one.config, capfd)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 16])
def test_line_ends_are_mended_wherever_the_pieces_end(size: int) -> None:
    def pieces(whole: bytes) -> list[bytes]:
        return [whole[at : at + size] for at in range(0, len(whole), size)]

    stream = STREAM[:3000]
    lf = stream.replace(b"\r\n", b"\n")
    assert b"".join(mended(pieces(lf))) == stream
    partly = lf[:500] + stream.replace(b"\r\n", b"\n")[500:].replace(b"\n", b"\r\n", 20)
    assert b"".join(mended(pieces(partly))) == stream
    caller = stream.replace(b"\r\nContext", b" a\nEvent: b\r\nContext")
    assert caller != stream
    assert b"".join(mended(pieces(caller))) == caller, "in a stream with CR LF a LF is a caller's"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_how_a_capture_is_packed_is_seen_by_its_bytes(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    for ending in ("", ".ami", ".gz", ".xz", ".txt"):
        file = tmp_path / f"heard{ending}"
        file.write_bytes(pack(STREAM))
        assert b"".join(chunks(str(file))) == STREAM
