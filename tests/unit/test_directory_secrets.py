"""Secrets: read where they stand, and never shown."""

import os
from pathlib import Path

import pytest

from amibridge.directory.secrets import Origin, Secret, SecretError, read_secret


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files, and the same folder as that of the systemd credentials."""
    (tmp_path / "good").write_text("geheim\n")
    (tmp_path / "windows").write_bytes("гe heim\r\n".encode())
    (tmp_path / "notepad").write_bytes(b"\xef\xbb\xbfgeheim\r\n")
    (tmp_path / "two").write_text("geheim\nAction: Command\n")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1 << 40)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"geheim\xff")
    monkeypatch.setenv("GOOD", "geheim")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("MISSING", raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("origin", "where", "secret"),
    [
        (Origin.PLAIN, " geheim ", " geheim "),
        (Origin.ENV, "GOOD", "geheim"),
        (Origin.FILE, "{folder}/good", "geheim"),
        (Origin.FILE, "{folder}/windows", "гe heim"),
        (Origin.FILE, "{folder}/notepad", "geheim"),
        (Origin.CREDENTIAL, "good", "geheim"),
    ],
)
def test_a_secret_is_read(environment: Path, origin: Origin, where: str, secret: str) -> None:
    assert read_secret(Secret(origin, where.format(folder=environment))) == secret


@pytest.mark.parametrize(
    ("origin", "where", "error"),
    [
        (Origin.ENV, "MISSING", "environment variable MISSING is not set; set MISSING where the daemon is started"),
        (Origin.ENV, "EMPTY", "environment variable EMPTY is empty; set EMPTY where the daemon is started"),
        (
            Origin.FILE,
            "{folder}/none",
            "secret file {folder}/none cannot be read: No such file or directory;"
            " create it, readable by the user that amibridge runs as",
        ),
        (Origin.FILE, "{folder}/empty", "secret file {folder}/empty is empty; write the secret into it"),
        (
            Origin.FILE,
            "{folder}/fifo",
            "secret file {folder}/fifo is no regular file; put the text itself into a file of this name",
        ),
        (
            Origin.FILE,
            "/dev/zero",
            "secret file /dev/zero is no regular file; put the text itself into a file of this name",
        ),
        (
            Origin.FILE,
            "{folder}/huge",
            "secret file {folder}/huge is larger than 64 KiB; check that this is the file that was meant",
        ),
        (
            Origin.FILE,
            "{folder}/two",
            "secret file {folder}/two has more than one line; keep the secret alone in it",
        ),
        (Origin.FILE, "{folder}/binary", "secret file {folder}/binary is not UTF-8 text; save it as plain text"),
        (
            Origin.CREDENTIAL,
            "none",
            "secret file {folder}/none cannot be read: No such file or directory;"
            " create it, readable by the user that amibridge runs as",
        ),
    ],
)
def test_a_secret_that_cannot_be_read(environment: Path, origin: Origin, where: str, error: str) -> None:
    with pytest.raises(SecretError) as caught:
        read_secret(Secret(origin, where.format(folder=environment)))
    assert str(caught.value) == error.format(folder=environment)
    assert caught.value.__cause__ is None


def test_a_credential_needs_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SecretError) as caught:
        read_secret(Secret(Origin.CREDENTIAL, "ami"))
    assert str(caught.value) == (
        "credential ami is not there: $CREDENTIALS_DIRECTORY is not set;"
        " start the service by systemd with LoadCredential=ami:/path/to/the/file"
    )


def test_a_secret_does_not_show_itself() -> None:
    plain = Secret(Origin.PLAIN, "geheim")
    assert [repr(plain), str(plain), f"{[plain]}"] == ["Secret(plain)", "Secret(plain)", "[Secret(plain)]"]
    assert repr(Secret(Origin.FILE, "/etc/ami.secret")) == "Secret(file: /etc/ami.secret)"
