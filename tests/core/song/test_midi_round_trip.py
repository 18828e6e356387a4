"""Any song survives being written and read, and other programs read the same music from the file."""

from __future__ import annotations

import io

import mido
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.song.harmony import SCALES
from core.song.midi_file import midi_bytes, read_midi
from core.song.notes import (
    CONTROL,
    DRUM_CHANNEL,
    KeyMark,
    Marker,
    Meter,
    RawEvent,
    Song,
    Tempo,
    Track,
    empty_notes,
    make_notes,
)

ticks = st.integers(0, 20_000)
seven_bits = st.integers(0, 127)
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@st.composite
def tracks(draw: st.DrawFn) -> Track:
    is_drum = draw(st.booleans())
    channel = DRUM_CHANNEL if is_drum else draw(st.sampled_from([c for c in range(16) if c != DRUM_CHANNEL]))
    return Track(
        draw(words),
        draw(seven_bits),
        channel,
        is_drum,
        draw(seven_bits),
        draw(seven_bits),
        draw(st.integers(0, 40)),
    )


@st.composite
def songs(draw: st.DrawFn) -> Song:
    parts = tuple(draw(st.lists(tracks(), max_size=5)))
    rows, events = [], []
    if parts:
        number = st.integers(0, len(parts) - 1)
        one_note = st.tuples(ticks, st.integers(1, 3000), seven_bits, st.integers(1, 127), number)
        rows = draw(st.lists(one_note, max_size=30))
        # Controls other than those that a track's fields stand for.
        kinds = st.sampled_from([(0xB0, 64), (0xB0, 11), (0xB0, 0), (0xE0, 0), (0xD0, 0), (0xA0, 60)])
        events = draw(st.lists(st.tuples(ticks, number, kinds, seven_bits), max_size=8))
    notes = make_notes(*np.array(rows).T) if rows else empty_notes()
    controls = np.array(
        [(tick, part, parts[part].channel, kind, n, value) for tick, part, (kind, n), value in events],
        CONTROL,
    )
    raw = draw(st.lists(st.tuples(ticks, st.integers(-1, len(parts) - 1), words), max_size=4))
    tempo = st.builds(Tempo, ticks, st.integers(1, (1 << 24) - 1))
    meter = st.builds(Meter, ticks, st.integers(1, 255), st.sampled_from([1, 2, 4, 8, 16, 32, 64]))
    key = st.builds(KeyMark, ticks, st.integers(0, 11), st.sampled_from(sorted(SCALES)))
    by_tick = {"key": lambda mark: mark.tick}
    return Song(
        notes,
        parts,
        ticks_per_beat=draw(st.integers(1, 32767)),
        tempos=tuple(draw(st.lists(tempo, max_size=4))),
        meters=tuple(draw(st.lists(meter, max_size=4))),
        keys=tuple(sorted(draw(st.lists(key, max_size=3, unique=True)), **by_tick)),
        markers=tuple(sorted(draw(st.lists(st.builds(Marker, ticks, words), max_size=3)), **by_tick)),
        controls=controls[np.lexsort((controls["track"], controls["tick"]))],
        raw_events=tuple(
            RawEvent(tick, part, 0xFF, 0x05, text.encode())
            for tick, part, text in sorted(raw, key=lambda row: row[:2])
        ),
        title=draw(words),
    )


@given(songs())
@settings(max_examples=60, deadline=None)
def test_reading_what_was_written_gives_the_same_song(song: Song):
    again = read_midi(midi_bytes(song))
    for name in ("notes", "controls"):
        assert [row.item() for row in getattr(again, name)] == [row.item() for row in getattr(song, name)]
    assert again == song


@given(songs())
@settings(max_examples=20, deadline=None)
def test_mido_reads_the_same_notes_and_tempos(song: Song):
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(song)))
    assert file.ticks_per_beat == song.ticks_per_beat
    played, tempos = [], {}
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "note_on":
                played.append((tick, message.note, message.velocity))
            if message.type == "set_tempo":
                tempos[tick] = message.tempo
    notes = song.notes
    assert sorted(played) == sorted(zip(notes["onset"], notes["pitch"], notes["velocity"], strict=True))
    assert tempos == {mark.tick: mark.microseconds_per_beat for mark in song.tempos}


def test_music21_reads_the_same_notes(tmp_path):
    import music21

    song = Song(
        make_notes([0, 480, 960, 960], [480, 240, 480, 480], [60, 62, 64, 67], 90, [0, 0, 0, 1]),
        (Track("Melody", program=73), Track("Low", program=32, channel=1)),
        tempos=(Tempo.from_bpm(0, 90),),
        meters=(Meter(0, 3, 4),),
    )
    path = tmp_path / "song.mid"
    path.write_bytes(midi_bytes(song))
    score = music21.converter.parse(path, quantizePost=False)
    heard = sorted(
        (float(n.getOffsetInHierarchy(score)), n.pitch.midi, float(n.quarterLength))
        for n in score.flatten().notes
    )
    assert heard == [(0, 60, 1), (1, 62, 0.5), (2, 64, 1), (2, 67, 1)]
    assert score.flatten().getElementsByClass("TimeSignature")[0].ratioString == "3/4"
    assert score.flatten().getElementsByClass("MetronomeMark")[0].number == 90


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_bytes_upset_the_reader(data: bytes):
    song = read_midi(
        b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x60MTrk" + len(data).to_bytes(4, "big") + data
    )
    assert (song.notes["duration"] >= 1).all()
    assert (song.notes["pitch"] < 128).all()
    assert read_midi(midi_bytes(song)) == song
