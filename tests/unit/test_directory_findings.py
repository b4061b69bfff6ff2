"""What is valid and still makes wrong cards, or shows a secret."""

from pathlib import Path

import pytest

from amibridge.directory.loading import load

PBX = "pbx: [{name: lab, secret: geheim}]\n"
TRUNKS = "trunks: [PJSIP/provider]\n"


def warnings_of(folder: Path, main: str = PBX, extension_map: str = TRUNKS, mode: int = 0o600) -> list[str]:
    """The warnings about these contents, without the folder."""
    (folder / "main.yaml").write_text(main)
    (folder / "main.yaml").chmod(mode)
    (folder / "extensions.yaml").write_text(extension_map)
    return [str(warning).replace(f"{folder}/", "") for warning in load(folder / "main.yaml").warnings]


@pytest.mark.parametrize(
    ("extension_map", "warning"),
    [
        (
            "extensions: {'134': {crm_user: 12}, '120': {crm_user: '12'}}",
            "2:55: extensions.120.crm_user: extension 134 has the CRM user 12 too: one user gets the cards of both;"
            " give each its own user, or make them one extension with two devices",
        ),
        (
            "extensions: {'134': {mobiles: ['+79161112233']}, '120': {mobiles: ['89161112233']}}",
            "2:68: extensions.120.mobiles[0]: 89161112233 is a mobile of 134 too: it counts as 134;"
            " keep it at one extension",
        ),
        (
            "extensions: {'134': {mobiles: ['+74950000002']}}",
            "2:32: extensions.134.mobiles[0]: +74950000002 is one of the company's own numbers too:"
            " calls of it are calls of 134; remove it here or from numbers.own",
        ),
        (
            "extensions: {'134': {devices: [PJSIP/a]}, '120': {devices: [pjsip/a]}}",
            "2:61: extensions.120.devices[0]: pjsip/a is a device of 134 too: it counts as 134; keep it at one",
        ),
        (
            "extensions: {'134': {devices: [PJSIP/120]}, '120': }",
            "2:32: extensions.134.devices[0]: PJSIP/120 is named like extension 120, and counts as 134;"
            " remove it here if it is the device of 120",
        ),
        (
            "extensions: {'134': {devices: [PJSIP/a]}}\ndevices: [{device: PJSIP/a, number: '134'}]",
            "3:11: devices[0]: PJSIP/a is a device of 134 too: it counts so for every number; keep it in one place",
        ),
        (
            "extensions: {'134': }\ndevices: [{device: PJSIP/a, number: '134'}, {device: PJSIP/a, number: '134'}]",
            "3:45: devices[1]: PJSIP/a has the number 134 already; remove this entry",
        ),
        (
            "extensions: {'134': {devices: [PJSIP/provider]}}",
            "2:32: extensions.134.devices[0]: PJSIP/provider stands under trunks too:"
            " it counts as an outside line, never as 134; keep it in one place",
        ),
        (
            "extensions: {'134': }\ndevices: [{device: PJSIP/provider, number: '134'}]",
            "3:20: devices[0].device: PJSIP/provider stands under trunks too:"
            " it counts as an outside line, never as 134; keep it in one place",
        ),
        (
            "extensions: {'134': {devices: [SIP/bot-1]}}\nmachines: [SIP/bot-*]",
            "2:32: extensions.134.devices[0]: SIP/bot-1 stands under machines too:"
            " it counts as a machine, never as 134; keep it in one place",
        ),
        (
            "extensions: {'134': }\nmachines: [PJSIP/1*]",
            "3:12: machines[0]: PJSIP/1* covers the device of extension 134: it counts as a machine;"
            " name the device more exactly, or remove the extension",
        ),
        (
            "extensions: {'121': }\ndevices: [{device: PJSIP/a, number: '121'}, {device: PJSIP/a, number: '122'}]",
            "3:71: devices[1].number: 122 is not in the map; add it to `extensions`, or mend the number",
        ),
    ],
)
def test_what_makes_wrong_cards(tmp_path: Path, extension_map: str, warning: str) -> None:
    main = f"{PBX}numbers: {{own: ['84950000002']}}\n"
    assert warnings_of(tmp_path, main, f"{TRUNKS}{extension_map}\n") == [f"extensions.yaml:{warning}"]


@pytest.mark.parametrize(
    ("trunks", "warning"),
    [
        (
            "trunks: [{device: PJSIP/branch, kind: internal, trust_caller_id: false}]",
            "2:66: trunks[0].trust_caller_id: PJSIP/branch is another office: a caller who shows a short number is that"
            " colleague all the same; make it `kind: public`, or remove `trust_caller_id: false`",
        ),
        (
            "trunks: [PJSIP/134]",
            "2:10: trunks[0]: PJSIP/134 covers the device of extension 134: it counts as an outside line;"
            " name the device more exactly, or remove the extension",
        ),
        (
            "trunks: [PJSIP/a, {device: pjsip/a, kind: internal}]",
            "2:19: trunks[1]: pjsip/a is a trunk already: the entry above counts; remove this entry",
        ),
        (
            "trunks: []",
            "2:9: trunks: no trunk is listed: whatever is nobody's counts as an outside line;"
            " list the trunks' devices: [PJSIP/provider]",
        ),
        (
            "",
            "1:1: trunks: no trunk is listed: whatever is nobody's counts as an outside line;"
            " list the trunks' devices: [PJSIP/provider]",
        ),
    ],
)
def test_trunks(tmp_path: Path, trunks: str, warning: str) -> None:
    assert warnings_of(tmp_path, PBX, f"extensions: {{'134': }}\n{trunks}\n") == [f"extensions.yaml:{warning}"]


def test_a_good_map_has_no_warnings(tmp_path: Path) -> None:
    extension_map = (
        "extensions:\n"
        "  '134': {crm_user: 12, mobiles: ['+79161112233', '+79161112234'], devices: [PJSIP/134, PJSIP/desk]}\n"
        "  '120': {devices: [SIP/desk], crm_user: 13}\n  '12': {}\n  '13': {}\n"
        "devices: [{device: PJSIP/gw, number: '12'}, {device: PJSIP/gw, number: '13'}]\n"
        "trunks: [PJSIP/provider, DAHDI/12, 'DAHDI/*']\nmachines: ['PJSIP/bot-*']\n"
    )
    assert warnings_of(tmp_path, PBX, extension_map) == []


@pytest.mark.parametrize(
    ("internal", "like"),
    [(r"\d+", "79123456789"), (r"8\d{10}", "89123456789"), (r"\d{2,10}", "9123456789"), (r"\+?79.*", "79123456789")],
)
def test_a_pattern_that_takes_clients_for_extensions(tmp_path: Path, internal: str, like: str) -> None:
    assert warnings_of(tmp_path, f"{PBX}numbers: {{internal: '{internal}'}}\n") == [
        f"main.yaml:2:21: numbers.internal: a client's number such as {like} looks like an extension;"
        " narrow the pattern: '\\d{2,4}'"
    ]


@pytest.mark.parametrize("internal", [r"\d{2,4}", r"1\d\d", r"79", r"\d{7}"])
def test_a_pattern_that_does_not(tmp_path: Path, internal: str) -> None:
    assert warnings_of(tmp_path, f"{PBX}numbers: {{internal: '{internal}'}}\n") == []


def test_a_region_without_example_numbers(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, f"{PBX}numbers: {{region: TA, internal: '.*'}}\n") == []


def test_an_owner_that_is_not_in_the_map(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, f"{PBX}missed_owner: {{default: '134'}}\n") == [
        "main.yaml:2:25: missed_owner.default: 134 is not in the map; add it to `extensions`, or mend the number"
    ]


def test_a_secret_file_that_everybody_reads(tmp_path: Path) -> None:
    secret = tmp_path / "ami.secret"
    secret.write_text("geheim")
    main = "pbx: [{name: lab, secret: {file: ami.secret}}]\n"
    secret.chmod(0o640)
    assert warnings_of(tmp_path, main, mode=0o644) == []
    secret.chmod(0o604)
    assert warnings_of(tmp_path, main) == [
        "main.yaml:1:27: pbx[0].secret: everybody on this host can read the secret file ami.secret;"
        " chmod o-r ami.secret"
    ]


def test_a_plain_secret_in_a_file_that_everybody_reads(tmp_path: Path) -> None:
    main = f"{PBX}crm: [{{name: b, kind: bitrix24, url: 'https://x/geheim'}}]\n"
    wrong = "a secret stands in a file that everybody on this host can read; chmod o-r main.yaml, or write {file: …}"
    assert warnings_of(tmp_path, main, mode=0o644) == [
        f"main.yaml:1:27: pbx[0].secret: {wrong}",
        f"main.yaml:2:38: crm[0].url: {wrong}",
    ]
    assert warnings_of(tmp_path, main, mode=0o640) == []
