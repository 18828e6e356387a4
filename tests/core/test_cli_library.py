"""The commands library and register, as a person or a script calls them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.compose.request import Request
from core.song.midi_file import read_midi, write_midi
from core.song.notes import Song, Tempo, Track, make_notes
from core.store.library import library_path, remember
from core.store.register import register_path
from core.store.settings import load_settings, save_settings
from core.store.votes import Contestant, Votes


def tune(seed: int) -> Song:
    random = np.random.default_rng(seed)
    pitches = 55 + np.cumsum(random.integers(-3, 4, 128)) % 24
    return Song(
        notes=make_notes(np.arange(128) * 240, 240, pitches), tracks=(Track("lead"),), title=f"Tune {seed}"
    )


@pytest.fixture
def files(tunesmith):
    for seed in (1, 2, 3):
        write_midi(tune(seed), f"{seed}.mid")
    notes = tune(1).notes.copy()
    notes["pitch"] -= 5
    write_midi(replace(tune(1), notes=notes, tempos=(Tempo.from_bpm(0, 80),), title="Mine"), "copy.mid")
    Path("bad.mid").write_bytes(b"nothing musical")


@pytest.mark.parametrize(
    ("group", "actions"),
    [
        ("library", "list search show add export rate tag delete votes replay"),
        ("register", "claim check list certificate export import"),
    ],
)
def test_every_action_has_json_and_an_example(tunesmith, group, actions):
    shown = tunesmith(group, "--help")
    assert shown.code == 0
    assert f"example:\n  tunesmith {group} " in shown.out
    assert "--json" in shown.out
    for action in actions.split():
        assert f"\n    {action}" in shown.out
        outcome = tunesmith(group, action, "--help")
        assert outcome.code == 0
        assert "--json" in outcome.out
        assert f"example:\n  tunesmith {group} {action}" in outcome.out


def test_every_example_is_understood():
    from core.cli import command_line

    groups = [command for command in command_line.COMMANDS if command.actions]
    assert [group.name for group in groups] == ["library", "register", "personal"]
    for action in (action for group in groups for action in group.actions):
        assert command_line.build_parser().parse_args(action.example.split()).run is action.run


def test_the_library_from_adding_to_deleting(tunesmith, files):
    assert tunesmith("library", "list").out.startswith("the library is empty; tunesmith library add")
    outcome = tunesmith(
        "library", "add", "1.mid", "bad.mid", "2.mid", "--tags", "new,ü", "--rating", "2", "--json"
    )
    assert outcome.code == 0
    assert [entry.get("id") for entry in outcome.json["files"]] == [1, None, 2]
    assert outcome.json["files"][0]["title"] == "Tune 1"
    number = remember(tune(3), Request(generator="mixtape", style="jazz", seed=9))
    assert [piece["id"] for piece in tunesmith("library", "list", "--json").json["pieces"]] == [number, 2, 1]
    shown = tunesmith("library", "show", number, "--json").json
    assert (shown["kind"], shown["generator"], shown["seed"], shown["recipe"]["style"]) == (
        "composed", "mixtape", 9, "jazz",
    )  # fmt: skip
    assert tunesmith("library", "rate", 1, 5, "--json").json["rating"] == 5
    assert tunesmith("library", "tag", 1, "--add", "best", "--remove", "new", "--json").json["tags"] == [
        "best",
        "ü",
    ]

    def found(*words):
        return [piece["id"] for piece in tunesmith("library", *words, "--json").json["pieces"]]

    assert found("search", "tune", "best") == [1]
    assert found("list", "--rating", "2", "--order", "oldest") == [1, 2]
    assert found("list", "--tags", "new") == [2]
    assert found("list", "--generator", "mixtape") == found("search", "jazz") == [3]
    assert found("list", "--slowest", "119", "--fastest", "121", "--limit", "1") == [3]
    assert tunesmith("library", "export", 2, "--out", "out.mid").code == 0
    assert np.array_equal(read_midi("out.mid").notes, tune(2).notes)
    assert tunesmith("library", "delete", 2).out == '2 "Tune 2": in the trash\n'
    assert found("list") == [3, 1]
    assert found("list", "--deleted") == [2]
    assert tunesmith("library", "delete", 2, "--undo").code == 0
    assert tunesmith("library", "delete", 1, "--for-good").code == 0
    assert found("list") == [3, 2]
    assert "  *" not in tunesmith("library", "search", "3").out


def test_a_piece_is_claimed_checked_and_certified(tunesmith, files):
    remember(tune(1), Request(seed=77))
    claim = tunesmith("register", "claim", "1.mid", "--owner", "Ada", "--json").json
    assert (claim["owner"], claim["title"], claim["recipe"]["seed"]) == ("Ada", "Tune 1", 77)
    refused = tunesmith("register", "claim", "copy.mid", "--owner", "Eve")
    assert refused.code == 2
    assert 'claimed already, as "Tune 1" by Ada' in refused.line
    assert "5 semitones lower" in refused.line
    one, copy, other, bad = tunesmith(
        "register", "check", "1.mid", "copy.mid", "2.mid", "bad.mid", "--json"
    ).json["files"]
    assert (one["claimed"], one["exact"], one["owner"], one["id"]) == (True, True, "Ada", claim["id"])
    assert (copy["claimed"], copy["similarity"], copy["semitones"]) == (True, 1.0, -5)
    assert other == {"file": "2.mid", "claimed": False}
    assert "error" in bad
    assert tunesmith("register", "certificate", claim["id"], "--out", "c.json").code == 0
    assert tunesmith("register", "certificate", claim["id"], "--out", "c.pdf").code == 0
    assert Path("c.pdf").read_bytes().startswith(b"%PDF-")
    against = tunesmith("register", "check", "copy.mid", "2.mid", "--certificate", "c.json", "--json").json[
        "files"
    ]
    assert [entry["certified"] for entry in against] == [True, False]
    assert [entry["id"] for entry in tunesmith("register", "list", "--json").json["claims"]] == [claim["id"]]


def test_claims_go_from_one_register_to_another(tunesmith, files, monkeypatch, tmp_path):
    for seed in (1, 2):
        tunesmith("register", "claim", f"{seed}.mid", "--owner", "Ada")
    assert tunesmith("register", "export", "--out", "all.json", "--json").json["claims"] == 2
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "other"))
    assert len(tunesmith("register", "import", "all.json", "--json").json["files"][0]["added"]) == 2
    assert tunesmith("register", "import", "all.json", "--json").json["files"][0]["added"] == []
    assert tunesmith("register", "check", "copy.mid", "--json").json["files"][0]["owner"] == "Ada"
    whole = json.loads(Path("all.json").read_text())
    for entry in whole["claims"]:
        entry["statement"]["owner"] = "Eve"
    Path("forged.json").write_text(json.dumps(whole))
    forged = tunesmith("register", "import", "forged.json")
    assert forged.code == 2
    assert "nothing was taken in" in forged.err
    assert "altered after it was signed" in forged.err


def test_tampering_is_told(tunesmith, files):
    import sqlite3

    tunesmith("register", "claim", "1.mid", "--owner", "Ada")
    connection = sqlite3.connect(register_path())
    with connection:
        connection.execute("UPDATE claims SET signature = 'AAAA'")
    connection.close()
    listed = tunesmith("register", "list", "--json")
    assert listed.code == 2
    assert "altered after it was signed" in listed.json["faults"][0]
    assert tunesmith("register", "check", "2.mid", "--json").json["faults"]
    assert "nothing can be claimed" in tunesmith("register", "claim", "2.mid", "--owner", "Eve").line
    assert "was not exported" in tunesmith("register", "export", "--out", "x.json").line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["library"], "the following arguments are required: ACTION; see tunesmith library --help"),
        (["library", "lits"], "invalid choice: 'lits'"),
        (["library", "show", "x"], "give a whole number from 1 to"),
        (["library", "show", "7"], "there is no piece 7 in the library"),
        (["library", "export", "7", "--out", "a.xls"], "the name must end in .mid, .midi, .tunesmith"),
        (["library", "export", "7", "--out", "no/a.mid"], "its folder does not exist"),
        (["library", "rate", "1", "6"], "give a whole number from 0 to 5"),
        (["library", "list", "--key", "H#"], "is not a key"),
        (["library", "delete", "1", "--undo", "--for-good"], "not allowed with argument"),
        (["register", "claim", "1.mid"], "the following arguments are required: --owner"),
        (["register", "claim", "none.mid", "--owner", "Ada"], "none.mid"),
        (["register", "claim", "1.mid", "--owner", " "], "the owner must be 1 to 200 letters"),
        (["register", "certificate", "TS-1", "--out", "a.json"], "there is no claim TS-1"),
        (["register", "certificate", "TS-1", "--out", "a.doc"], "the name must end in .json or .pdf"),
        (["register", "check", "1.mid", "--certificate", "1.mid"], "is no certificate and no register"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_2(tunesmith, files, words, told):
    outcome = tunesmith(*words)
    assert outcome.code == 2
    assert told in outcome.line
    assert outcome.out == ""


def test_a_damaged_library_is_told_once(tunesmith, files):
    tunesmith("library", "add", "1.mid")
    library_path().write_bytes(b"damaged" * 1000)
    outcome = tunesmith("library", "list")
    assert outcome.code == 2
    assert "the library was damaged and is kept as" in outcome.line
    assert tunesmith("library", "list").code == 0


def test_what_is_composed_is_in_the_library_unless_told_otherwise(tunesmith, generators):
    made = tunesmith("compose", "--bars", "2", "--seed", "5", "--out", "a.mid", "--json").json
    tunesmith("compose", "--bars", "2", "--seed", "6", "--out", "b.mid", "--no-library")
    (piece,) = tunesmith("library", "list", "--json").json["pieces"]
    assert piece["id"] == made["variants"][0]["piece"]
    assert (piece["seed"], piece["recipe"]["bars"]) == (5, 2)
    save_settings(replace(load_settings(), keep_pieces=False))
    assert (
        tunesmith("compose", "--bars", "2", "--out", "c.mid", "--json").json["variants"][0]["piece"] is None
    )


def test_votes_and_trials_are_told(tunesmith):
    assert "nobody has voted yet" in tunesmith("library", "votes").out
    ours, real = Contestant("flagship", {"seed": 1}, "TS-A"), Contestant("real", {"piece": 1}, "TS-B")
    with Votes() as votes:
        for vote in ("first",) * 9 + ("second", "tie"):
            votes.add(ours, real, vote)
    told = tunesmith("library", "votes", "--json").json
    (pair,) = told["pairs"]
    assert (told["votes"], pair["wins"], pair["losses"], pair["ties"]) == (11, 9, 1, 1)
    assert pair["interval95"] == pytest.approx([0.5958, 0.9821], abs=1e-4)
    assert (
        "90 % of the votes for flagship (95 %: 60 to 98 %), flagship is liked better"
        in tunesmith("library", "votes").out
    )
    assert tunesmith("library", "votes", "--trials", "--json").json["trials"][0]["first"]["recipe"] == {
        "seed": 1
    }
    assert "there is no trial 99" in tunesmith("library", "replay", "99", "--out", "x").line
