"""Loading both files: what is valid, and every error with its place, key and remedy."""

import os
import traceback
from pathlib import Path

import pytest

from amibridge.calls.who import OpenOn
from amibridge.directory.loading import Loaded, load
from amibridge.directory.problems import ConfigurationError

PBX = "pbx: [{name: lab, secret: geheim}]\n"
SECRET_WAYS = "write {file: /path}, {env: NAME} or {credential: name}"
MAPPING = "must be a mapping; write lines `key: value` under it"
TEXT = "must be a text; write one text, no list and no mapping"


def load_texts(folder: Path, main: str | bytes = PBX, extension_map: str | bytes = "extensions: {}\n") -> Loaded:
    """Loads two files with these contents; the main file names the map by default."""
    for name, content in (("main.yaml", main), ("extensions.yaml", extension_map)):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "main.yaml").chmod(0o600)
    return load(folder / "main.yaml")


def errors_of(folder: Path, main: str | bytes = PBX, extension_map: str | bytes = "extensions: {}\n") -> list[str]:
    """The lines of the error that loading these contents raises, without the folder."""
    with pytest.raises(ConfigurationError) as caught:
        load_texts(folder, main, extension_map)
    return str(caught.value).replace(f"{folder}/", "").split("\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("regoin: RU", "3:3: numbers.regoin: unknown key; did you mean `region`?"),
        (
            "region: Russia",
            "3:11: numbers.region: `Russia` is no region; write the two letters of a country: RU, KZ, DE",
        ),
        ("own: [+7495]", '3:9: numbers.own[0]: +7495 without quotes is an integer; write "+7495"'),
        (
            'own: ["+7495"]',
            '3:9: numbers.own[0]: `+7495` is no valid telephone number; write it the international way: "+7903…"',
        ),
        (
            "internal: '(1'",
            "3:13: numbers.internal: is no regular expression: missing ), unterminated subpattern;"
            " write a pattern such as '\\d{2,4}'",
        ),
        ("internal: ''", "3:13: numbers.internal: must not be empty; write a text, or remove the key"),
        ("internal: 134", '3:13: numbers.internal: 134 without quotes is an integer; write "134"'),
    ],
)
def test_errors_in_numbers(tmp_path: Path, text: str, error: str) -> None:
    assert errors_of(tmp_path, f"{PBX}numbers:\n  {text}\n") == [f"main.yaml:{error}"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("trunks: [PJSIP/x]", "1: trunks: unknown key; `trunks` belongs in extensions.yaml"),
        ("trunk: x", "1: trunk: unknown key; `trunks` belongs in extensions.yaml"),
        ("mobiles: {x: 1}", "11: mobiles.x: unknown key; known here: card, calls_in"),
        (
            "mobiles: {calls_in: colleg}",
            "21: mobiles.calls_in: `colleg` is unknown; did you mean `colleague`?",
        ),
        ("mobiles: answer", f"10: mobiles: {MAPPING}"),
        (
            "12: x",
            "1: 12: unknown key; known here: pbx, numbers, extension_names, ignore, cards, mobiles, missed_owner, "
            "exclude, shadow, crm, calls, store, log, extensions",
        ),
        ("ignore: Snoop", "9: ignore: must be a list; write [one, two], or a line `- one` for each"),
        ("shadow: perhaps", "9: shadow: must be true or false; write `true` or `false`"),
        ("store: {path: 5}", '15: store.path: 5 without quotes is an integer; write "5"'),
        ("store: {path: [a]}", f"15: store.path: {TEXT}"),
        ("log: {level: warn}", "14: log.level: `warn` is unknown; did you mean `warning`?"),
        ("cards: {open_on: anser}", "18: cards.open_on: `anser` is unknown; did you mean `answer`?"),
        ("cards: {min_talk_seconds: -1}", "27: cards.min_talk_seconds: must be at least 0; write a greater number"),
        ("cards: {min_talk_seconds: .inf}", "27: cards.min_talk_seconds: must be a number; write it like 3 or 1.5"),
        ("cards: {min_talk_seconds: x}", "27: cards.min_talk_seconds: must be a number; write it like 3 or 1.5"),
        ("cards: {language: Russian}", "19: cards.language: `Russian` is no language; write its code: ru, en"),
        ("calls: {forget_after_hours: 0}", "29: calls.forget_after_hours: must be more than 0; write a greater number"),
        (
            "extension_names: ['{number}']",
            "19: extension_names[0]: `{number}` is no device name pattern;"
            " write what stands around the number: '{ext}-WS'",
        ),
        (
            "missed_owner: {choose: default}",
            '24: missed_owner.choose: `choose: default` needs an extension; add `default: "134"`',
        ),
        ("crm: [{name: x}]", "7: crm[0].kind: is missing; add it"),
        ("crm: [{name: x, kind: webhok}]", "23: crm[0].kind: `webhok` is unknown; did you mean `webhook`?"),
        (
            "crm: [{name: x, kind: webhook, url: http://x, nmae: y}]",
            "47: crm[0].nmae: unknown key; did you mean `name`?",
        ),
        (
            "crm: [{name: x, kind: webhook, url: 'ftp://u:geheim@x'}]",
            "37: crm[0].url: is no address of this kind; begin it with https:// or http://",
        ),
        (
            "crm: [{name: x, kind: mqtt, url: 'mqtt:x'}]",
            "34: crm[0].url: is no address of this kind; begin it with mqtts:// or mqtt://",
        ),
    ],
)
def test_errors_of_the_main_file(tmp_path: Path, text: str, error: str) -> None:
    assert errors_of(tmp_path, f"{PBX}{text}\n") == [f"main.yaml:2:{error}"]


@pytest.mark.parametrize(
    ("pbx", "error"),
    [
        ("[]", "6: pbx: must not be empty; write at least one entry"),
        ("", "1: pbx: is missing; add it"),
        ("[{name: lab}]", "7: pbx[0].secret: is missing; add it"),
        ("[lab]", f"7: pbx[0]: {MAPPING}"),
        ("[{name: a b, secret: x}]", "14: pbx[0].name: `a b` is no name; use Latin letters, digits, `-` and `_`"),
        (
            "[{name: a, secret: x}, {name: a, secret: x}]",
            "36: pbx[1].name: the name `a` is taken by an entry above; give each its own name",
        ),
        ("[{name: a, secret: x, port: 0}]", "34: pbx[0].port: must be at least 1; write a greater number"),
        ("[{name: a, secret: x, port: 70000}]", "34: pbx[0].port: must be at most 65535; write a smaller number"),
        ("[{name: a, secret: x, port: ami}]", "34: pbx[0].port: must be a whole number; write digits only"),
        ("[{name: a, secret: x, host: ''}]", "34: pbx[0].host: must not be empty; write a text, or remove the key"),
        ("[{name: a, secret: 12345}]", "25: pbx[0].secret: is a number without quotes; put the secret in quotes"),
        ("[{name: a, secret: ''}]", f"25: pbx[0].secret: is no secret; {SECRET_WAYS}"),
        ("[{name: a, secret: [geheim]}]", f"25: pbx[0].secret: is no secret; {SECRET_WAYS}"),
        ("[{name: a, secret: {file: a, env: b}}]", f"25: pbx[0].secret: is no secret; {SECRET_WAYS}"),
        ("[{name: a, secret: {fil: geheim}}]", "26: pbx[0].secret.fil: unknown key; did you mean `file`?"),
        ("[{name: a, secret: {plain: x}}]", "26: pbx[0].secret.plain: unknown key; known here: file, env, credential"),
        ("[{name: a, secret: {env: 5}}]", f"31: pbx[0].secret.env: must be text; {SECRET_WAYS}"),
        (
            "[{name: a, secret: {credential: a/b}}]",
            "38: pbx[0].secret.credential: is a path, not a credential's name; write the name in LoadCredential=name:…",
        ),
    ],
)
def test_errors_of_a_pbx(tmp_path: Path, pbx: str, error: str) -> None:
    assert errors_of(tmp_path, f"pbx: {pbx}\n") == [f"main.yaml:1:{error}"]


@pytest.mark.parametrize(
    ("extension_map", "error"),
    [
        ("extensions: {134: {}}", '1:14: extensions.134: 134 without quotes is an integer; write "134"'),
        ("extensions: {0134: {}}", '1:14: extensions.134: 0134 without quotes is an integer; write "0134"'),
        (
            "extensions: {'1 4': {}}",
            "1:14: extensions.1 4: `1 4` is no extension's number; write the number as it is dialled",
        ),
        (
            "extensions: {'134': {mobiles: [+7916]}}",
            '1:32: extensions.134.mobiles[0]: +7916 without quotes is an integer; write "+7916"',
        ),
        (
            "extensions: {'134': {mobiles: ['101']}}",
            "1:32: extensions.134.mobiles[0]: `101` is no valid telephone number;"
            ' write it the international way: "+7903…"',
        ),
        ("extensions: {'134': {mobile: []}}", "1:22: extensions.134.mobile: unknown key; did you mean `mobiles`?"),
        ("extensions: {'134': {name: 5}}", '1:28: extensions.134.name: 5 without quotes is an integer; write "5"'),
        (
            "extensions: {'134': {crm_user: true}}",
            '1:32: extensions.134.crm_user: true without quotes is no text; write "true"',
        ),
        ("extensions: {'134': Ольга}", f"1:21: extensions.134: {MAPPING}"),
        ("extensions: [a]", f"1:13: extensions: {MAPPING}"),
        (
            "trunks: [provider]",
            "1:10: trunks[0].device: `provider` is no device; write the technology too: PJSIP/134",
        ),
        (
            "trunks: [{device: Local/134@x}]",
            "1:19: trunks[0].device: a Local channel is nobody's device; name the device behind it: PJSIP/134",
        ),
        ("trunks: [{kind: public}]", "1:10: trunks[0].device: is missing; add it"),
        (
            "trunks: [{device: PJSIP/x, trust_caller_id: maybe}]",
            "1:45: trunks[0].trust_caller_id: must be true or false; write `true` or `false`",
        ),
        (
            "trunks: [{device: PJSIP/x, kind: inner}]",
            "1:34: trunks[0].kind: `inner` is unknown; did you mean `internal`?",
        ),
        (
            "devices: [{device: PJSIP/x, number: 134}]",
            '1:37: devices[0].number: 134 without quotes is an integer; write "134"',
        ),
        ("dids: {7495: }", '1:8: dids.7495: 7495 without quotes is an integer; write "7495"'),
        ("queues: {'600': {opne_on: ring}}", "1:18: queues.600.opne_on: unknown key; did you mean `open_on`?"),
        ("pbx: []", "1:1: pbx: unknown key; `pbx` belongs in main.yaml"),
        ("machine: []", "1:1: machine: unknown key; did you mean `machines`?"),
        ("- a", f"1:1: file: {MAPPING}"),
        ("text", f"1:1: file: {MAPPING}"),
    ],
)
def test_errors_of_the_map(tmp_path: Path, extension_map: str, error: str) -> None:
    assert errors_of(tmp_path, PBX, f"{extension_map}\n") == [f"extensions.yaml:{error}"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a:\n\t- b\n", "2:1: yaml: a tab cannot indent a line; indent with spaces"),
        ("a: 1\n b: 2\n", "2:3: yaml: a key is not expected here; check the indentation; quote a text with `: `"),
        ("a: b: c\n", "1:5: yaml: a key is not expected here; check the indentation; quote a text with `: `"),
        ("a:\n  - b\n c: d\n", "3:2: yaml: this does not fit the lines above; align it with the keys beside it"),
        (
            "a: [1\nb: 2\n",
            "2:2: yaml: a `[` or `{` is not closed before this; close it, or put a comma between the values",
        ),
        ('a: "geheim\n', "2:1: yaml: the file ends inside of a text in quotes; close the quotes"),
        ("a: @geheim\n", "1:4: yaml: a text cannot begin with this character; put the text in quotes"),
        ("a: *geheim\n", "1:4: yaml: `*` begins an alias, and there is none of that name; put the text in quotes"),
        ("a: 1\n---\nb: 2\n", "2:1: yaml: a second document begins; keep one document; remove the `---`"),
        ("a: 1\nb\nc: 1\n", "3:1: yaml: a key without `:`; write `key: value`; check the indentation"),
        ("a: - b\n", "1:4: yaml: a list is not expected here; check the indentation; begin the list on its own line"),
        ("a: [\n", "2:1: yaml: a value is missing before this; write it, or close the `[` or `{` before this"),
        ('a: "b\n---\n"\n', "2:1: yaml: this is not YAML; check the indentation and the quotes around here"),
        (
            'a: "\\g"\n',
            "1:6: yaml: an unknown escape in a text in double quotes; use single quotes, or write \\\\ for \\",
        ),
        ("a: b\nc: \x00\n", "2:4: yaml: a control character; remove it"),
        ("[" * 600, "1:51: yaml: lists or mappings are nested too deep; write it flatter"),
        ("a: Ольга\nb: Пётр\n".encode("cp1251"), "1:4: file: is not UTF-8; save the file as UTF-8"),
        ("a: Ольга\nb: я".encode() + b"\xff\n", "2:5: file: is not UTF-8; save the file as UTF-8"),
    ],
)
def test_what_is_no_yaml(tmp_path: Path, text: str | bytes, error: str) -> None:
    assert errors_of(tmp_path, text) == [f"main.yaml:{error}"]
    assert errors_of(tmp_path, PBX, text) == [f"extensions.yaml:{error}"]


@pytest.mark.parametrize("nothing", ["", "# nothing\n\n"])
def test_a_map_may_be_empty_and_the_main_file_may_not(tmp_path: Path, nothing: str) -> None:
    loaded = load_texts(tmp_path, PBX, nothing)
    assert not loaded.extension_map.extensions
    assert [f"{problem.line}: {problem.key}" for problem in loaded.warnings] == ["1: trunks"]
    assert errors_of(tmp_path, nothing) == [
        "main.yaml:1:1: file: is empty; begin with what `amibridge example DIR` writes"
    ]


def bomb(levels: int) -> str:
    """Nine to the power of the levels: each line repeats the one above it nine times."""
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{n}: &x{n} [{', '.join(9 * [f'*x{n - 1}'])}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def test_a_few_aliases_to_aliases_are_refused_where_they_become_too_many(tmp_path: Path) -> None:
    refused = "yaml: aliases repeat more than 100000 values; write the values out, or use fewer aliases"
    assert errors_of(tmp_path, PBX, bomb(30)) == [f"extensions.yaml:6:10: {refused}"]
    assert errors_of(tmp_path, bomb(30)) == [f"main.yaml:6:10: {refused}"]


def test_aliases_do_not_nest_deeper_than_a_file_may(tmp_path: Path) -> None:
    chain = "x0: &x0 []\n" + "".join(f"x{n}: &x{n} [*x{n - 1}]\n" for n in range(1, 2000))
    refused = "yaml: lists or mappings are nested too deep; write it flatter"
    assert errors_of(tmp_path, PBX, chain) == [f"extensions.yaml:50:12: {refused}"]


def test_a_thousand_extensions_may_share_an_anchor(tmp_path: Path) -> None:
    others = "".join(f'  "{number}": *usual\n' for number in range(1001, 2000))
    loaded = load_texts(tmp_path, PBX, f'extensions:\n  "1000": &usual {{open_on: never}}\n{others}')
    assert len(loaded.extension_map.extensions) == 1000


@pytest.mark.parametrize("name", ["main.yaml", "extensions.yaml"])
def test_nobody_waits_for_a_fifo(tmp_path: Path, name: str) -> None:
    load_texts(tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigurationError, match=rf"{name}:1:1: file: is no regular file; put the text itself into"):
        load(tmp_path / "main.yaml")


def test_a_file_without_an_end_is_not_read(tmp_path: Path) -> None:
    load_texts(tmp_path)
    os.truncate(tmp_path / "extensions.yaml", 1 << 40)
    with pytest.raises(ConfigurationError, match=r"extensions.yaml:1:1: file: is larger than 4096 KiB; check that"):
        load(tmp_path / "main.yaml")
    assert errors_of(tmp_path, f"{PBX}extensions: /dev/zero\n") == [
        "/dev/zero:1:1: file: is no regular file; put the text itself into a file of this name"
    ]


def test_nobody_waits_for_a_ca_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")
    assert errors_of(tmp_path, "pbx: [{name: a, secret: x, tls: true, ca_file: ca.pem}]\n") == [
        "main.yaml:1:48: pbx[0].ca_file: is no regular file; name the file itself"
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "extensions:\n  '134': {}\n  '134': {}\n",
            "3:3: extensions.134: the key stands on line 2 already; keep one of the two",
        ),
        ("? [a]\n: b\n", "1:3: file: a key that is no text; put the key in quotes"),
        (
            'trunks: ["PJSIP/x\\ud800"]\n',
            "1:10: trunks[0]: an escape that stands for no character; write the text without it",
        ),
        ("extensions: {true: {}}\n", "1:14: extensions: a key that is no text; put the key in quotes"),
        (
            "trunks: [!vault PJSIP/x]\n",
            "1:10: trunks[0]: a `!` begins a tag, and none is known here; put the text in quotes",
        ),
    ],
)
def test_yaml_that_is_not_for_us(tmp_path: Path, text: str, error: str) -> None:
    assert errors_of(tmp_path, PBX, text) == [f"extensions.yaml:{error}"]


def test_an_alias_to_what_it_stands_in(tmp_path: Path) -> None:
    errors = errors_of(tmp_path, PBX, "machines: &a [PJSIP/x, *a]\n")
    assert errors[0] == "extensions.yaml:1:11: machines[1]: an alias to what it stands in; write the values out"


@pytest.mark.filterwarnings("error")
def test_an_anchor_may_be_used_again(tmp_path: Path) -> None:
    loaded = load_texts(tmp_path, PBX, "extensions: {'1': &x {name: a}, '2': *x, '3': &x {name: b}, '4': *x}\n")
    assert [person.name for person in loaded.extension_map.extensions.values()] == ["a", "a", "b", "b"]


def test_missing_files(tmp_path: Path) -> None:
    remedy = "does not exist; check the path, or make the file: `amibridge example DIR` writes such"
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path / "main.yaml")
    assert str(caught.value) == f"{tmp_path}/main.yaml:1:1: file: {remedy}"
    assert errors_of(tmp_path, f"{PBX}extensions: other.yaml\n") == [f"other.yaml:1:1: file: {remedy}"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r":1:1: file: cannot be read: Is a directory; check the path"):
        load(tmp_path)


def test_all_errors_of_both_files_at_once(tmp_path: Path) -> None:
    main = "numbers: {own: [+7495], region: ru}\npbx: [{nam: x}, {name: b, secret: x, tls: 5}]\npbx: []\nshadwo: true\n"
    extension_map = "extensions:\n  134: {mobiles: ['1'], open_on: rng}\n  '120': {}\n  '120': {}\nx: 1\n"
    errors = errors_of(tmp_path, main, extension_map)
    assert [error.split("; ")[0] for error in errors] == [
        "extensions.yaml:2:3: extensions.134: 134 without quotes is an integer",
        "extensions.yaml:2:19: extensions.134.mobiles[0]: `1` is no valid telephone number",
        "extensions.yaml:2:34: extensions.134.open_on: `rng` is unknown",
        "extensions.yaml:4:3: extensions.120: the key stands on line 3 already",
        "extensions.yaml:5:1: x: unknown key",
        "main.yaml:1:17: numbers.own[0]: +7495 without quotes is an integer",
        "main.yaml:2:7: pbx[0].name: is missing",
        "main.yaml:2:7: pbx[0].secret: is missing",
        "main.yaml:2:8: pbx[0].nam: unknown key",
        "main.yaml:2:43: pbx[1].tls: must be true or false",
        "main.yaml:3:1: pbx: the key stands on line 2 already",
        "main.yaml:4:1: shadwo: unknown key",
    ]


def test_errors_of_the_main_file_are_told_with_a_broken_map(tmp_path: Path) -> None:
    assert errors_of(tmp_path, "pbx: []\n", "a: [\n") == [
        "extensions.yaml:2:1: yaml: a value is missing before this; write it, or close the `[` or `{` before this",
        "main.yaml:1:6: pbx: must not be empty; write at least one entry",
    ]


def test_ringing_is_refused_for_a_crm_that_cannot_close(tmp_path: Path) -> None:
    main = f"{PBX}cards: {{open_on: ring}}\ncrm: [{{name: sales, kind: amocrm}}]\n"
    extension_map = (
        "queues: {'600': {open_on: ring_sole}, '601': {open_on: never}}\ndids: {'7495': {open_on: answer}}\n"
    )
    refused = "cards cannot be closed again in sales; use `answer` or `never`"
    assert errors_of(tmp_path, main, extension_map) == [
        f"extensions.yaml:1:27: queues.600.open_on: {refused}",
        f"main.yaml:2:18: cards.open_on: {refused}",
        "main.yaml:3:27: crm[0].kind: `amocrm` is unknown; known here: webhook, mqtt, bitrix24",
    ]


def test_ringing_is_allowed_for_crms_that_can_close(tmp_path: Path) -> None:
    crms = "crm: [{name: a, kind: webhook, url: http://x}, {name: b, kind: mqtt}, {name: c, kind: bitrix24, url: x}]\n"
    loaded = load_texts(tmp_path, f"{PBX}cards: {{open_on: ring}}\n{crms}")
    assert loaded.directory.rule("134", None, None).open_on is OpenOn.RING


@pytest.mark.parametrize(
    "main",
    [
        "pbx: [{name: lab, secret: {fill: geheim}}, 5]\n",
        "pbx: [{name: lab, secret: geheim, x: geheim}]\n",
        "pbx: [{name: lab, secret: geheim}, geheim]\n",
        "pbx: [{name: lab, secret: [geheim]}]\n",
        "pbx: [{name: lab, secret: geheim: geheim}]\n",
        "pbx: [{name: lab, secret: geheim, secret: geheim}]\n",
        "pbx: [{name: lab, port: geheim}]\n",
        "pbx: [{name: lab, secret: *geheim }]\n",
        "pbx: [{name: lab, secret: 'geheim}]\n",
        "pbx: [{name: lab, secret: !geheim }]\n",
        "pbx: [{name: lab, secret: %geheim }]\n",
        "pbx: [{name: lab, secret: &geheim }]\n",
        "pbx: [{name: lab, secret: geheim\x00}]\n",
        "crm: [{name: x, kind: webhook, url: 'geheim', secret: geheim}]\n",
        "crm: [{name: x, kind: mqtt, password: geheim, url: mqtt://u:geheim@h x}]\n",
        "# Привет\npbx: [{secret: geheim}]\n".encode("cp1251"),
    ],
)
def test_no_error_tells_a_secret(tmp_path: Path, main: str | bytes) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_texts(tmp_path, main)
    assert "geheim" not in "".join(traceback.format_exception(caught.value))
    assert "geheim" not in repr(caught.value)


def test_the_configuration_does_not_show_a_secret(tmp_path: Path) -> None:
    settings = load_texts(tmp_path).settings
    assert settings.pbx[0].secret.where == "geheim"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert "geheim" not in shown
        assert "Secret(plain)" in shown


def test_a_key_without_a_value_is_as_if_not_written(tmp_path: Path) -> None:
    main = f"{PBX}numbers:\ncards:\n  language:\nshadow:\ncrm:\n"
    loaded = load_texts(tmp_path, main, "extensions:\n  '134':\n  '120': {name: }\ntrunks:\ndids:\n  '7495':\n")
    assert loaded.settings.numbers.region == "RU"
    assert list(loaded.extension_map.extensions) == ["134", "120"]
    assert list(loaded.extension_map.dids) == ["7495"]


def test_paths_begin_in_the_folder_of_the_main_file(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "office.yaml").write_text("trunks: [PJSIP/x]\n")
    main = "pbx: [{name: a, secret: {file: ami.secret}}]\nextensions: maps/office.yaml\nstore: {path: a.db}\n"
    loaded = load_texts(tmp_path, main)
    assert loaded.extension_map.trunks[0].device == "PJSIP/x"
    assert loaded.settings.extensions == tmp_path / "maps" / "office.yaml"
    assert loaded.settings.store.path == tmp_path / "a.db"
    assert loaded.settings.pbx[0].secret.where == str(tmp_path / "ami.secret")


def test_values_that_yaml_writes_in_many_ways(tmp_path: Path) -> None:
    main = (
        "\ufeffpbx: [{name: a, secret: x, port: 0x13ae, tls: yes}]\r\n"
        "cards: &c {min_talk_seconds: 1.5}\r\ncalls: {forget_after_hours: 1_0}\r\nnumbers: {region: ru}\r\n"
    )
    settings = load_texts(tmp_path, main, "extensions: {'134': &e {crm_user: 12}, '120': *e}\n").settings
    assert (settings.pbx[0].port, settings.pbx[0].tls) == (5038, True)
    assert (settings.cards.min_talk_seconds, settings.calls.forget_after_hours) == (1.5, 10.0)
    assert settings.numbers.region == "RU"


def test_an_explicit_tag_that_is_not_true_is_an_error(tmp_path: Path) -> None:
    main = "pbx: [{name: a, secret: x, port: !!int five}]\n"
    assert errors_of(tmp_path, main) == ["main.yaml:1:34: pbx[0].port: must be a whole number; write digits only"]


@pytest.mark.parametrize(
    "main",
    [
        f'{PBX}shadow: "\\U00110000"\n',
        f'{PBX}shadow: "\\UFFFFFFFF"\n',
        f"%YAML 1.{'9' * 5000}\n---\n{PBX}",
        f"{PBX}store: {{path: {'a' * 300}}}\n",
        f"{PBX}store: {{path: {'a/' * 3000}}}\n",
        f"{PBX}crm: [{{name: a, kind: bitrix24, url: 'http://a/', burst: 0x{'f' * 6000}}}]\n",
        f"{PBX}crm: [{{name: a, kind: bitrix24, url: 'http://a/', requests_per_second: 1e-320}}]\n",
        f"{PBX}crm: [{{name: a, kind: mqtt, card_expires_hours: 1e300}}]\n",
    ],
)
def test_whatever_is_written_is_an_error_with_its_line(tmp_path: Path, main: str) -> None:
    (error,) = errors_of(tmp_path, main)
    assert error.startswith("main.yaml:")
