"""`amibridge check` on a host where `run` would end although the files are right"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from amibridge.cli import host_check, main, unit
from amibridge.cli.service_user import NoSuchUserError, whom_to_check_for
from amibridge.cli.unit import Unit
from amibridge.directory.loading import load
from amibridge.directory.yaml_source import read

MAIN = "pbx: [{name: lab, secret: {file: ami.secret}}]\nstore: {path: var/amibridge.db}\n"
MYSELF = pwd.getpwuid(os.geteuid())
NOBODY = pwd.getpwnam("nobody")
GROUP = host_check._group(NOBODY)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who can look as somebody else")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A configuration that everybody can use. pytest's own folders are closed to others."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("AMI", raising=False)
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    write(folder, MAIN)
    (folder / "extensions.yaml").write_text("trunks: [PJSIP/provider]\n")
    (folder / "ami.secret").write_text("geheim\n")
    (folder / "var").mkdir()
    (folder / "var").chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def write(folder: Path, main: str) -> None:
    (folder / "amibridge.yaml").write_text(main)


def troubles(folder: Path, user: pwd.struct_passwd = MYSELF, service: Unit | None = None) -> list[str]:
    """What is found, without the folder."""
    config = folder / "amibridge.yaml"
    found = host_check.troubles(load(config), read(config)[0], service, user)
    return [str(problem).replace(f"{folder}/", "").replace(str(folder), "HERE") for problem in found]


@as_root
def test_nothing_is_wrong(folder: Path) -> None:
    assert troubles(folder, NOBODY) == []


@as_root
def test_a_root_that_may_not_become_somebody_else_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container without the right to change users."""

    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setgid", forbidden)
    with pytest.raises(NoSuchUserError, match="cannot look as nobody: Operation not permitted"):
        troubles(folder, NOBODY)


@as_root
def test_a_secret_that_the_user_cannot_read(folder: Path) -> None:
    (folder / "ami.secret").chmod(0o600)
    assert troubles(folder) == []
    remedy = f"chgrp {GROUP} ami.secret && chmod g+r ami.secret"
    assert troubles(folder, NOBODY) == [f"amibridge.yaml:1:27: pbx[0].secret: nobody cannot read ami.secret; {remedy}"]
    # The remedy helps.
    shutil.chown(folder / "ami.secret", group=NOBODY.pw_gid)
    (folder / "ami.secret").chmod(0o640)
    assert troubles(folder, NOBODY) == []


@as_root
def test_a_folder_that_the_user_cannot_go_through(folder: Path) -> None:
    folder.chmod(0o700)
    remedy = f"chgrp {GROUP} HERE && chmod g+x HERE"
    assert troubles(folder, NOBODY) == [
        f"amibridge.yaml:1:1: file: nobody cannot read amibridge.yaml; {remedy}",
        f"amibridge.yaml:1:1: extensions: nobody cannot read extensions.yaml; {remedy}",
        f"amibridge.yaml:1:27: pbx[0].secret: nobody cannot read ami.secret; {remedy}",
        f"amibridge.yaml:2:15: store.path: nobody cannot go through the folder HERE; {remedy}",
    ]


@as_root
@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (lambda var: var.rmdir(), "the folder var is missing"),
        (lambda var: var.chmod(0o755), "nobody cannot write to the folder var"),
    ],
)
def test_a_store_without_a_place(folder: Path, make: object, wrong: str) -> None:
    make(folder / "var")  # type: ignore[operator]
    remedy = f"install -d -o nobody -g {GROUP} -m 0750 var"
    assert troubles(folder, NOBODY) == [f"amibridge.yaml:2:15: store.path: {wrong}; {remedy}"]


@as_root
def test_a_store_that_root_has_made(folder: Path) -> None:
    (folder / "var/amibridge.db").touch(mode=0o600)
    assert troubles(folder, NOBODY) == [
        "amibridge.yaml:2:15: store.path: nobody cannot write to var/amibridge.db; chown nobody: var/amibridge.db*"
    ]


def test_a_secret_that_is_not_there(folder: Path) -> None:
    (folder / "ami.secret").unlink()
    assert troubles(folder) == [
        "amibridge.yaml:1:27: pbx[0].secret: secret file ami.secret cannot be read: No such file or directory;"
        " create it, readable by the user that amibridge runs as"
    ]


def test_a_credential_by_hand_and_under_systemd(folder: Path) -> None:
    write(folder, MAIN.replace("{file: ami.secret}", "{credential: ami}"))
    place, line = "amibridge.yaml:1:27: pbx[0].secret", "LoadCredential=ami:/path/to/the/file"
    assert troubles(folder) == [
        f"{place}: credential ami comes from systemd alone, and amibridge.service is not installed: `run` by hand ends"
        f" here; install the unit, with {line}, or write {{file: …}}"
    ]
    assert troubles(folder, service=Unit({}, frozenset())) == [
        f"{place}: amibridge.service does not load the credential ami;"
        f" add {line} to its [Service], then: systemctl daemon-reload"
    ]
    assert troubles(folder, service=Unit({"ami": folder / "none"}, frozenset())) == [
        f"{place}: none, which amibridge.service loads as credential ami, is not there; write the secret into it"
    ]
    assert troubles(folder, service=Unit({"ami": folder / "ami.secret"}, frozenset())) == []


def test_a_variable_of_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, MAIN.replace("{file: ami.secret}", "{env: AMI}"))
    assert troubles(folder)[0].endswith("environment variable AMI is not set; set AMI where the daemon is started")
    monkeypatch.setenv("AMI", "geheim")
    assert troubles(folder) == []
    # What the admin's shell has, the service has not.
    assert troubles(folder, service=Unit({}, frozenset()))[0].endswith(
        "amibridge.service does not set the environment variable AMI;"
        " add EnvironmentFile= to [Service] of amibridge.service, with a file that says AMI=…"
    )
    assert troubles(folder, service=Unit({}, frozenset({"AMI"}))) == []


def test_a_crm_that_no_adapter_can_be_made_for(folder: Path) -> None:
    write(folder, MAIN + "crm: [{name: hook, kind: webhook, url: 'https://x/y', secret: {file: ami.secret}}]\n")
    assert troubles(folder) == [
        "amibridge.yaml:3:7: crm[0]: crm hook: a webhook's secret is `whsec_` and base64 behind it; mend this entry"
    ]


@as_root
def test_the_command_fails_and_says_as_whom_it_looked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = str(folder / "amibridge.yaml")
    assert main(["check", "--user", "nobody", "--config", config]) == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("Checked as nobody; the service")
    (folder / "ami.secret").chmod(0o600)
    assert main(["check", "--user", "nobody", "--config", config]) == 1
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[-1]) == ("", "checked as nobody: `run` would end with this")


@as_root
def test_what_only_the_service_has_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, MAIN.replace("{file: ami.secret}", "{credential: ami}"))
    monkeypatch.setattr("amibridge.cli.check.SERVICE_USER", "nobody")
    monkeypatch.setattr(unit, "installed", lambda: Unit({"ami": folder / "ami.secret"}, frozenset()))
    assert main(["check", "--user", "nobody", "--config", str(folder / "amibridge.yaml")]) == 0
    said = capsys.readouterr().out.splitlines()[-2:]
    assert said == ["Checked as nobody", "By hand `run` would end: only systemd gives the credentials ami"]


def test_a_user_who_is_not_there() -> None:
    with pytest.raises(NoSuchUserError, match="there is no user nobody-at-all; as root: useradd --system"):
        whom_to_check_for("nobody-at-all")


def test_what_an_installed_unit_gives(tmp_path: Path) -> None:
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    assert unit.installed((etc, usr)) is None
    (etc / f"{unit.NAME}.d").mkdir(parents=True)
    usr.mkdir()
    (tmp_path / "env").write_text("TOKEN=geheim\n# NOT=\n")
    (usr / unit.NAME).write_text(
        "[Service]\n#LoadCredential=not:/x\nLoadCredential=ami:/etc/a.secret\nLoadCredential=b\n"
    )
    (etc / f"{unit.NAME}.d/more.conf").write_text(
        f"[Service]\nEnvironment=A=1 \"B=2 3\" \\\n 'C=4'\nPassEnvironment=D\nEnvironmentFile=-{tmp_path}/env\n"
        "EnvironmentFile=-/no/such/file\n"
    )
    assert unit.installed((etc, usr)) == Unit({"ami": Path("/etc/a.secret"), "b": None}, frozenset("ABCD") | {"TOKEN"})


def test_run_says_what_to_do_about_a_missing_folder(folder: Path) -> None:
    (folder / "var").rmdir()
    command = [sys.executable, "-m", "amibridge", "run", "--config", str(folder / "amibridge.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    said = ended.stderr.splitlines()[-1]
    assert said.startswith(f"amibridge: the folder {folder}/var is missing; install -d -o {MYSELF.pw_name} ")
    assert "make the folder" not in said, "one remedy"


@as_root
def test_root_makes_no_files_that_lock_the_service_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("amibridge.cli.run.service_account", lambda: NOBODY)
    shutil.chown(folder / "var", NOBODY.pw_uid)
    assert main(["run", "--config", str(folder / "amibridge.yaml")]) == 2
    assert "runuser -u amibridge -- " in capsys.readouterr().err
    assert list((folder / "var").iterdir()) == []
