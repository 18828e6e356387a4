"""Claims are signed, a copy of a claimed piece is refused, and tampering shows."""

import json
import os
import re
import sqlite3
import stat
import zlib
from dataclasses import replace

import numpy as np
import pytest

from core.errors import TunesmithError
from core.song.notes import Song, Tempo, Track, make_notes
from core.store import pdf
from core.store.certificate import save_pdf
from core.store.fingerprint import content_id
from core.store.register import (
    Register,
    head_path,
    likeness_of,
    load_certificates,
    register_path,
    save_certificate,
    save_certificates,
)
from core.store.signing import Signer, canonical, is_signed, key_path


def tune(seed: int, bars: int = 16) -> Song:
    random = np.random.default_rng(seed)
    pitches = 55 + np.cumsum(random.integers(-3, 4, 8 * bars)) % 24
    melody = make_notes(np.arange(8 * bars) * 240, 240, pitches, 90, 0)
    bass = make_notes(np.arange(2 * bars) * 960, 960, random.integers(36, 48, 2 * bars), 70, 1)
    return Song(
        notes=np.concatenate([melody, bass]),
        tracks=(Track("a", 0, 0), Track("b", 32, 1)),
        title=f"Tune {seed}",
    )


def dressed_up(song: Song, semitones: int = 3) -> Song:
    notes = song.notes.copy()
    notes["pitch"] += np.uint8(semitones)
    notes["onset"] = np.maximum(0, notes["onset"] + np.random.default_rng(1).integers(-25, 26, len(notes)))
    notes["track"] = 1 - notes["track"]
    return replace(song, notes=notes, tempos=(Tempo.from_bpm(0, 97),), title="All my own work")


@pytest.fixture
def register():
    with Register() as opened:
        yield opened


def altered(statement: str, *values) -> None:
    connection = sqlite3.connect(register_path())
    with connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def test_a_claim_says_who_what_and_when_and_is_signed(register):
    claim = register.claim(tune(1), "Ada", recipe={"generator": "flagship", "seed": 7, "tempo": 110.0})
    assert (claim.owner, claim.title, claim.id) == ("Ada", "Tune 1", content_id(tune(1)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", claim.claimed)
    assert claim.statement["recipe"] == {"generator": "flagship", "seed": 7, "tempo": 110}
    assert claim.statement["notes"] == 16 * 10
    assert claim.fault() == ""
    assert register.claims() == [claim]
    assert register.get(claim.id.lower()) == claim
    assert register.faults() == []


def test_a_copy_is_refused_with_the_piece_it_collides_with(register):
    claim = register.claim(tune(1), "Ada")
    register.claim(tune(2), "Ada")
    for copy in (tune(1), dressed_up(tune(1))):
        with pytest.raises(TunesmithError, match=f'claimed already, as "Tune 1" by Ada.*{claim.id}') as told:
            register.claim(copy, "Eve")
        assert "\n" not in str(told.value)
    assert "3 semitones higher" in str(told.value)
    assert len(register.claims()) == 2


def test_checking_tells_exact_and_near_copies_from_other_pieces(register):
    register.claim(tune(1), "Ada")
    exact = register.match(tune(1))
    assert (exact.exact, exact.likeness.similarity) == (True, 1.0)
    jittered = dressed_up(tune(1))
    notes = jittered.notes.copy()
    notes["pitch"][::10] += 1
    near = register.match(jittered.with_notes(notes))
    assert not near.exact
    assert 0.85 < near.likeness.similarity < 0.95
    assert all(register.match(tune(seed)) is None for seed in range(2, 12))


def test_a_long_part_of_a_claimed_piece_is_refused(register):
    song = tune(3, 48)
    register.claim(song, "Ada")
    part = song.with_notes(song.notes[song.notes["onset"] > 24 * 1920])
    assert register.match(part).likeness.is_part


def test_the_key_is_made_once_and_is_for_its_owner_alone(register):
    assert not key_path().exists()
    first = register.claim(tune(1), "Ada").statement["public_key"]
    assert register.claim(tune(2), "Ada").statement["public_key"] == first == Signer().public_key
    assert key_path().parent.name == "config"
    if os.name == "posix":
        assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
        key_path().chmod(0o644)
        Signer()
        assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    assert [path.name for path in key_path().parent.iterdir()].count(key_path().name) == 1


def test_a_damaged_key_is_told_and_not_replaced(register):
    register.claim(tune(1), "Ada")
    key_path().write_text("no key")
    with pytest.raises(TunesmithError, match="your key .* is damaged"):
        register.claim(tune(2), "Ada")
    assert key_path().read_text() == "no key"


def test_signatures():
    signer = Signer()
    data = canonical({"b": 1.0, "a": "ü", "c": [2.5, None]})
    assert data == '{"a":"ü","b":1,"c":[2.5,null]}'.encode()
    signature = signer.sign(data)
    assert is_signed(data, signature, signer.public_key)
    assert not is_signed(data + b" ", signature, signer.public_key)
    assert not is_signed(data, signature[:-4] + "AAA=", signer.public_key)
    assert not is_signed(data, "no base 64", signer.public_key)
    assert not is_signed(data, signature, "AAAA")


@pytest.mark.parametrize(
    "field", ["owner", "title", "claimed", "notes", "recipe", "sketch", "number", "public_key"]
)
def test_a_certificate_with_any_field_altered_is_not_valid(register, tmp_path, field):
    path = tmp_path / "a.json"
    save_certificate(path, register.claim(tune(1), "Ada"))
    whole = json.loads(path.read_text())
    value = whole["statement"][field]
    whole["statement"][field] = (
        value + 1 if isinstance(value, int) else {"seed": 1} if isinstance(value, dict) else value[:-1] + "x"
    )
    path.write_text(json.dumps(whole))
    (claim,) = load_certificates(path)
    assert "signature does not fit" in claim.fault()
    _, refused = register.take_in([claim])
    assert refused[0][0] == claim


def test_a_certificate_with_other_notes_is_not_valid(register, tmp_path):
    path, other = tmp_path / "a.json", tmp_path / "b.json"
    save_certificate(path, register.claim(tune(1), "Ada"))
    save_certificate(other, register.claim(tune(2), "Ada"))
    whole = json.loads(path.read_text())
    whole["sketch"] = json.loads(other.read_text())["sketch"]
    path.write_text(json.dumps(whole))
    assert load_certificates(path)[0].fault() == "its notes are not those that were signed"


def test_a_certificate_stands_without_the_register(register, tmp_path):
    path = tmp_path / "a.json"
    save_certificate(path, register.claim(tune(1), "Ada Ł"))
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole, indent=7))  # laid out anew by another program
    (claim,) = load_certificates(path)
    assert claim.fault() == ""
    assert likeness_of(dressed_up(tune(1)), claim).is_copy
    assert not likeness_of(tune(2), claim).is_copy


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "null", '{"format": "tunesmith certificate"}', "[" * 100_000,
        '{"format": "tunesmith certificate", "version": 1, "statement": {}, "signature": "", "sketch": ""}',
        '{"format": "tunesmith register", "version": 1, "claims": 7}',
        '{"format": "tunesmith register", "version": 1, "claims": [7]}',
    ],
)  # fmt: skip
def test_what_is_no_certificate_is_told_in_one_line(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(TunesmithError, match="is no certificate and no register") as told:
        load_certificates(path)
    assert "\n" not in str(told.value)


def test_a_certificate_of_a_newer_version_is_told(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"format": "tunesmith certificate", "version": 2}')
    with pytest.raises(TunesmithError, match="newer Tunesmith"):
        load_certificates(path)
    with pytest.raises(TunesmithError, match="there is no file"):
        load_certificates(tmp_path / "none.json")


ROWS = {
    "owner": "UPDATE claims SET statement = CAST(replace(CAST(statement AS TEXT), 'Ada', 'Eve') AS BLOB)",
    "runs": "UPDATE claims SET runs = x'00000000'",
    "no runs": "UPDATE claims SET runs = x''",
    "sketch": "UPDATE claims SET sketch = x'00'",
    "signature": "UPDATE claims SET signature = 'AAAA'",
    "name": "UPDATE claims SET id = 'TS-' || rowid WHERE rowid = 2",
    "statement": "UPDATE claims SET statement = 'gone'",
    "first": "DELETE FROM claims WHERE CAST(statement AS TEXT) LIKE '%\"Tune 1\"%'",
    "middle": "DELETE FROM claims WHERE CAST(statement AS TEXT) LIKE '%\"Tune 2\"%'",
    "last": "DELETE FROM claims WHERE CAST(statement AS TEXT) LIKE '%\"Tune 3\"%'",
    "all": "DELETE FROM claims",
}


@pytest.mark.parametrize("change", ROWS)
def test_a_row_altered_or_taken_out_is_noticed_and_the_export_brings_it_back(register, tmp_path, change):
    for seed in (1, 2, 3):
        register.claim(tune(seed), "Ada")
    assert register.faults() == []
    save_certificates(tmp_path / "all.json", register.claims())
    altered(ROWS[change])
    assert register.faults()
    assert all("\n" not in fault for fault in register.faults())
    with pytest.raises(TunesmithError, match="nothing can be claimed"):
        register.claim(tune(4), "Ada")
    register.take_in(load_certificates(tmp_path / "all.json"))
    assert register.faults() == []
    register.claim(tune(4), "Ada")
    assert len(register.claims()) == 4


def test_an_older_copy_of_the_register_is_noticed(register):
    register.claim(tune(1), "Ada")
    older = register_path().read_bytes()
    register.claim(tune(2), "Ada")
    register.close()
    for ending in ("", "-wal", "-shm"):
        register_path().with_name(register_path().name + ending).unlink(missing_ok=True)
    register_path().write_bytes(older)
    with Register() as again:
        assert "of your 2 claims" in again.faults()[0]


def test_claims_of_others_are_taken_in_checked_and_refused_where_they_collide(
    register, tmp_path, monkeypatch, home
):
    register.claim(tune(1), "Ada")
    own_key = Signer().public_key
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "bob"))
    with Register() as theirs:
        theirs.claim(dressed_up(tune(1)), "Bob")
        theirs.claim(tune(2), "Bob")
        save_certificates(tmp_path / "bob.json", theirs.claims())
    monkeypatch.setenv("TUNESMITH_HOME", str(home))
    added, refused = register.take_in(load_certificates(tmp_path / "bob.json"))
    assert [(claim.owner, claim.title) for claim in added] == [("Bob", "Tune 2")]
    assert added[0].statement["public_key"] != own_key
    assert 'claimed already, as "Tune 1" by Ada' in refused[0][1]
    assert register.match(tune(2)).claim.owner == "Bob"
    with pytest.raises(TunesmithError, match="by Bob"):
        register.claim(tune(2), "Ada")
    register.claim(tune(3), "Ada")
    assert register.faults() == []
    assert register.take_in(load_certificates(tmp_path / "bob.json"))[0] == []


def test_killed_between_a_claim_and_the_note_of_it_nothing_is_amiss(register):
    register.claim(tune(1), "Ada")
    older = head_path().read_bytes()
    register.claim(tune(2), "Ada")
    head_path().write_bytes(older)
    assert register.faults() == []
    register.claim(tune(3), "Ada")
    assert json.loads(head_path().read_bytes())["number"] == 3


def test_a_lost_note_of_the_newest_claim_does_not_lock_its_owner_out(register):
    register.claim(tune(1), "Ada")
    head_path().unlink()
    register.claim(tune(2), "Ada")
    assert register.faults() == []


@pytest.mark.parametrize(
    ("owner", "song", "told"),
    [
        ("  ", tune(1), "the owner must be 1 to 200 letters"),
        ("x" * 201, tune(1), "the owner must be 1 to 200 letters"),
        ("A\x07da", tune(1), "the owner must be 1 to 200 letters"),
        ("Ada", Song(), "the song has no notes"),
        (
            "Ada",
            Song(notes=make_notes([0, 480], 480, 60), tracks=(Track(),)),
            "2 different notes; it takes 16",
        ),
    ],
)
def test_misuse_is_told_in_one_line(register, owner, song, told):
    with pytest.raises(TunesmithError, match=told):
        register.claim(song, owner)
    with pytest.raises(TunesmithError, match="there is no claim TS-1"):
        register.get("TS-1")
    assert register.claims() == []


def objects(data: bytes) -> dict[int, bytes]:
    """The objects of a PDF at the places its table names."""
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", data)[1])
    count = int(re.match(rb"xref\n0 (\d+)\n", data[start:])[1])
    found = {}
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n ", data[start:]), 1):
        body = data[int(place) :]
        assert body.startswith(b"%d 0 obj\n" % number)
        found[number] = body[: body.index(b"\nendobj")]
    assert len(found) == count - 1
    return found


def stream(body: bytes) -> bytes:
    length = int(re.search(rb"/Length (\d+)", body)[1])
    start = body.index(b"stream\n") + 7
    assert body[start + length :] == b"\nendstream"
    return zlib.decompress(body[start : start + length])


def test_the_printed_certificate_has_the_names_the_notes_and_the_json(register, tmp_path):
    claim = register.claim(tune(1), "Zoë (the first)", title="Back\\slash")
    save_pdf(tmp_path / "a.pdf", claim)
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF-1.7\n")
    bodies = objects(data)
    page = next(stream(body) for body in bodies.values() if b"stream\n" in body and b" Tf " in stream(body))
    assert b"(Zo\xeb \\(the first\\))" in page
    assert b"(Back\\\\slash)" in page
    assert claim.id.encode() in page
    assert len(re.findall(rb"\d re\b", page)) == 160 + 2  # notes, the line and the field they lie on
    attached = next(body for body in bodies.values() if b"/EmbeddedFile " in body)
    (tmp_path / "out.json").write_bytes(stream(attached))
    assert load_certificates(tmp_path / "out.json") == [claim]


def test_names_beyond_latin_are_printed_where_the_system_has_a_font(register, tmp_path):
    claim = register.claim(tune(1), "Ада Ловлейс")
    save_pdf(tmp_path / "a.pdf", claim)
    bodies = objects((tmp_path / "a.pdf").read_bytes())
    font = pdf.find_font()
    if font is None:
        pytest.skip("no font that can be embedded on this system")
    glyphs = b"".join(b"%04x" % font.glyphs[ord(letter)] for letter in "Ада Ловлейс")
    page = next(stream(body) for body in bodies.values() if b"stream\n" in body and b" Tf " in stream(body))
    assert b"<" + glyphs + b"> Tj" in page
    table = next(
        stream(body) for body in bodies.values() if b"stream\n" in body and b"beginbfchar" in stream(body)
    )
    assert b"<%04x> <0410>" % font.glyphs[0x410] in table
    assert font.widths[font.glyphs[ord("Ж")]] > font.widths[font.glyphs[ord("г")]]
