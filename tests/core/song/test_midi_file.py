"""What read_midi makes of a file's bytes, every byte of which is written out here."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.errors import TunesmithError
from core.song.midi_file import midi_bytes, read_midi, write_midi
from core.song.notes import KeyMark, Marker, Meter, RawEvent, Song, Tempo, Track, make_notes

END = b"\x00\xff\x2f\x00"


def smf(*tracks: bytes, kind: int = 1, division: bytes = b"\x00\x60") -> bytes:
    """A file of the given track bodies, 96 ticks in a beat unless told otherwise."""
    header = b"MThd\x00\x00\x00\x06" + bytes((0, kind, 0, len(tracks))) + division
    return header + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)


def rows(song: Song) -> list[tuple[int, ...]]:
    """Notes as (onset, duration, track, pitch, velocity)."""
    return [note.item() for note in song.notes]


def controls(song: Song) -> list[tuple[int, ...]]:
    """Controls as (tick, track, channel, kind, number, value)."""
    return [control.item() for control in song.controls]


# Notes


def test_a_note_lasts_from_its_on_to_its_off():
    song = read_midi(smf(b"\x00\x90\x3c\x64\x60\x80\x3c\x40" + END))
    assert rows(song) == [(0, 96, 0, 60, 100)]
    assert song.ticks_per_beat == 96


def test_running_status_and_an_on_of_velocity_0_as_off():
    song = read_midi(smf(b"\x00\x90\x3c\x64\x60\x3c\x00\x00\x40\x50\x30\x40\x00" + END))
    assert rows(song) == [(0, 96, 0, 60, 100), (96, 48, 0, 64, 80)]


def test_running_status_survives_a_text_in_between():
    song = read_midi(smf(b"\x00\x90\x3c\x64\x00\xff\x01\x02hi\x60\x3c\x00" + END))
    assert rows(song) == [(0, 96, 0, 60, 100)]
    assert song.raw_events == (RawEvent(0, 0, 0xFF, 0x01, b"hi"),)


def test_times_of_two_bytes():
    song = read_midi(smf(b"\x81\x00\x90\x3c\x64\x83\x60\x80\x3c\x00" + END))
    assert rows(song) == [(128, 480, 0, 60, 100)]


def test_overlapping_notes_of_one_pitch_end_in_the_order_they_began():
    events = b"\x00\x90\x3c\x64\x0a\x90\x3c\x50\x0a\x80\x3c\x00\x0a\x80\x3c\x00"
    assert rows(read_midi(smf(events + END))) == [(0, 20, 0, 60, 100), (10, 20, 0, 60, 80)]


def test_a_note_struck_again_without_an_off_ends_there():
    events = b"\x00\x90\x3c\x64\x0a\x90\x3c\x50\x0a\x80\x3c\x00"
    assert rows(read_midi(smf(events + END))) == [(0, 10, 0, 60, 100), (10, 10, 0, 60, 80)]


def test_a_missing_off_ends_the_note_with_its_track():
    song = read_midi(smf(b"\x00\x90\x3c\x64\x30\x90\x40\x64\x30\x80\x40\x00\x10\xff\x2f\x00"))
    assert rows(song) == [(0, 112, 0, 60, 100), (48, 48, 0, 64, 100)]


def test_a_stray_off_does_nothing():
    song = read_midi(smf(b"\x00\x80\x3c\x00\x0a\x90\x3c\x64\x0a\x80\x3c\x00\x05\x80\x3c\x00" + END))
    assert rows(song) == [(10, 10, 0, 60, 100)]


def test_a_note_without_length_gets_one_tick():
    assert rows(read_midi(smf(b"\x00\x90\x3c\x64\x00\x80\x3c\x00" + END))) == [(0, 1, 0, 60, 100)]


def test_the_same_pitch_on_two_channels_is_two_notes():
    events = b"\x00\x90\x3c\x64\x00\x91\x3c\x50\x0a\x81\x3c\x00\x0a\x80\x3c\x00"
    assert rows(read_midi(smf(events + END))) == [(0, 20, 0, 60, 100), (0, 10, 1, 60, 80)]


# Tracks


def test_format_0_has_a_track_for_every_channel_and_channel_10_is_drums():
    events = b"\x00\xff\x03\x04Tune\x00\x99\x24\x64\x00\x90\x3c\x64\x60\x89\x24\x00\x00\x80\x3c\x00"
    song = read_midi(smf(events + END, kind=0))
    assert song.title == "Tune"
    assert [(track.channel, track.is_drum) for track in song.tracks] == [(0, False), (9, True)]
    assert rows(song) == [(0, 96, 0, 60, 100), (0, 96, 1, 36, 100)]


def test_the_first_track_without_notes_is_the_conductor():
    conductor = b"\x00\xff\x03\x04Tune\x00\xff\x51\x03\x07\xa1\x20"
    melody = b"\x00\xff\x03\x06Melody\x00\xc2\x28\x00\x92\x3c\x64\x60\x82\x3c\x00"
    song = read_midi(smf(conductor + END, melody + END))
    assert song.title == "Tune"
    assert song.tracks == (Track("Melody", program=40, channel=2),)


def test_program_volume_and_pan_are_what_holds_at_the_first_note():
    events = (
        b"\x00\xc0\x05" b"\x00\xb0\x07\x50" b"\x00\xb0\x0a\x20" b"\x0a\xc0\x06"
        b"\x0a\x90\x3c\x64" b"\x0a\x80\x3c\x00" b"\x00\xc0\x07" + END
    )  # fmt: skip
    song = read_midi(smf(events))
    assert song.tracks[0] == Track("", program=6, volume=0x50, pan=0x20)
    programs = [(tick, value) for tick, _, _, kind, _, value in controls(song) if kind == 0xC0]
    assert programs == [(0, 5), (10, 6), (30, 7)], "a track that changes its program keeps all changes"


def test_two_tracks_on_one_channel_share_its_program():
    left = b"\x00\xc0\x10\x00\x90\x3c\x64\x60\x80\x3c\x00"
    right = b"\x00\x90\x48\x64\x60\x80\x48\x00"
    song = read_midi(smf(left + END, right + END))
    assert [track.program for track in song.tracks] == [16, 16]


def test_controllers_bends_and_pressures_are_kept():
    events = (
        b"\x00\x90\x3c\x64" b"\x01\xb0\x40\x7f" b"\x01\xe0\x00\x40" b"\x01\xe0\x7f\x7f" b"\x01\xe0\x00\x00"
        b"\x01\xd0\x21" b"\x01\xa0\x3c\x22" b"\x01\x80\x3c\x00" + END
    )  # fmt: skip
    assert controls(read_midi(smf(events))) == [
        (1, 0, 0, 0xB0, 64, 127),
        (2, 0, 0, 0xE0, 0, 0),
        (3, 0, 0, 0xE0, 0, 8191),
        (4, 0, 0, 0xE0, 0, -8192),
        (5, 0, 0, 0xD0, 0, 0x21),
        (6, 0, 0, 0xA0, 60, 0x22),
    ]


# What belongs to the song


def test_tempo_meter_key_and_markers():
    conductor = (
        b"\x00\xff\x51\x03\x06\x1a\x80"  # 400,000 microseconds: 150 beats a minute
        b"\x00\xff\x58\x04\x07\x03\x18\x08"  # 7/8
        b"\x00\xff\x59\x02\xfd\x01"  # three flats, minor
        b"\x60\xff\x06\x05Verse"
    )
    song = read_midi(smf(conductor + END))
    assert song.tempos == (Tempo(0, 400_000),)
    assert song.tempos[0].bpm == 150
    assert song.meters == (Meter(0, 7, 8),)
    assert song.keys == (KeyMark(0, 0, "minor"),)
    assert song.markers == (Marker(96, "Verse"),)
    assert song.raw_events == ()


def test_film_time_counts_frames_whatever_the_tempo():
    # 25 frames a second, 40 ticks a frame: a tick is a millisecond
    track = b"\x00\xff\x51\x03\x06\x1a\x80\x00\x90\x3c\x64\x87\x68\x80\x3c\x00"
    song = read_midi(smf(track + END, division=b"\xe7\x28"))
    assert song.smpte == (25, 40)
    assert song.seconds == pytest.approx(1.0)
    assert read_midi(midi_bytes(song)) == song


def test_sysex_lyrics_and_unknown_events_are_kept_in_place():
    events = (
        b"\x00\xf0\x05\x7e\x7f\x09\x01\xf7" b"\x00\xff\x05\x02la" b"\x05\xff\x60\x01\x2a"
        b"\x00\x90\x3c\x64" b"\x0a\x80\x3c\x00" + END
    )  # fmt: skip
    song = read_midi(smf(events))
    assert song.raw_events == (
        RawEvent(0, 0, 0xF0, 0, b"\x7e\x7f\x09\x01\xf7"),
        RawEvent(0, 0, 0xFF, 0x05, b"la"),
        RawEvent(5, 0, 0xFF, 0x60, b"\x2a"),
    )
    assert read_midi(midi_bytes(song)) == song


def test_a_key_of_seven_sharps_stays_one_until_the_key_changes():
    song = read_midi(smf(b"\x00\xff\x59\x02\x07\x00" + END))
    assert song.keys == (KeyMark(0, 1, "major"),)
    assert b"\xff\x59\x02\x07\x00" in midi_bytes(song)
    changed = Song(keys=(KeyMark(0, 0, "major"),), raw_events=song.raw_events)
    assert b"\xff\x59\x02\x00\x00" in midi_bytes(changed)
    assert b"\xff\x59\x02\x07\x00" not in midi_bytes(changed)


def test_a_name_in_another_character_set_reads_right_and_stays_as_it_was():
    song = read_midi(smf(END, b"\x00\xff\x03\x05Fl\xf6te\x00\x90\x3c\x64\x0a\x80\x3c\x00" + END))
    assert song.tracks[0].name == "Flöte"
    assert b"\xff\x03\x05Fl\xf6te" in midi_bytes(song)
    assert read_midi(midi_bytes(song)) == song


def test_silence_at_the_end_is_kept():
    song = read_midi(smf(b"\x00\x90\x3c\x64\x0a\x80\x3c\x00\x60\xff\x2f\x00"))
    assert midi_bytes(song).endswith(b"\x60\xff\x2f\x00")


# What no MIDI event can say


def test_modes_colours_and_nested_notes_come_back():
    notes = make_notes([0, 10], [100, 20], 60, [90, 80])
    song = Song(notes, (Track("A", colour=7),), keys=(KeyMark(0, 2, "dorian"),))
    assert read_midi(midi_bytes(song)) == song


def test_more_parts_than_channels_get_ports():
    tracks = tuple(Track(f"Part {n}", program=n, channel=n % 9) for n in range(20))
    song = Song(make_notes(0, 96, 60, 80, np.arange(20)), tracks)
    song = Song(
        song.notes, tuple(Track(t.name, t.program, t.channel, colour=n) for n, t in enumerate(tracks))
    )
    data = midi_bytes(song)
    assert data.count(b"\xff\x21\x01\x01") == 9, "the second nine parts are on port 1"
    assert data.count(b"\xff\x21\x01\x02") == 2
    assert read_midi(data) == song


def test_hostile_words_of_our_own_are_ignored():
    for values in (
        '{"channel": 99}',
        '{"lengths": {"60": [-5]}}',
        '{"key": [99, "x"]}',
        "[1]",
        "{",
        '{"colour": "red"}',
    ):
        payload = b"\x7dTunesmith" + values.encode()
        own = b"\x00\xff\x7f" + bytes((len(payload),)) + payload
        song = read_midi(smf(END, own + b"\x00\x90\x3c\x64\x0a\x80\x3c\x00" + END))
        assert rows(song) == [(0, 10, 0, 60, 100)]
        assert song.tracks == (Track(),)
    assert json.loads('{"channel": 99}')


# Damaged files

NOTE_TRACK = b"\x00\x90\x3c\x64\x60\x80\x3c\x00" + END


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"hello, this is no music", "not a MIDI file"),
        (b"MThd\x00\x00\x00\x06\x00\x01", "not a MIDI file"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x60", "no tracks"),
        (smf(NOTE_TRACK, division=b"\x00\x00"), "0 ticks"),
        (smf(b"\xff\xff\xff\x7f\xc0\x01" * 1200 + END), "years"),
    ],
    ids=["empty", "text", "cut header", "no track", "no time", "endless"],
)
def test_what_is_no_music_is_refused_in_one_line(data: bytes, message: str):
    with pytest.raises(TunesmithError, match=message) as refusal:
        read_midi(data)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "data",
    [
        smf(NOTE_TRACK)[:-4],
        smf(NOTE_TRACK).replace(b"MTrk\x00\x00\x00", b"MTrk\x7f\xff\xff"),
        smf(NOTE_TRACK).replace(b"MTrk\x00\x00\x00\x0c", b"MTrk\x00\x00\x00\x00"),
        smf(NOTE_TRACK).replace(b"MThd\x00\x00\x00\x06", b"MThd\x00\x00\xff\x06"),
        b"junk" * 32 + smf(NOTE_TRACK),
        b"RIFF\x40\x00\x00\x00RMIDdata\x22\x00\x00\x00" + smf(NOTE_TRACK),
        smf(NOTE_TRACK) + b"junk after the end",
        smf(NOTE_TRACK[:-4] + b"\x00\xff\x01\xff\xff\xff\x7fshort"),
    ],
    ids=["no end", "long", "zero length", "header", "junk", "RIFF", "tail", "long text"],
)
def test_what_can_be_understood_is_read(data: bytes):
    assert rows(read_midi(data)) == [(0, 96, 0, 60, 100)]


def test_a_lying_length_does_not_hide_the_next_track():
    data = smf(NOTE_TRACK, NOTE_TRACK).replace(b"MTrk\x00\x00\x00", b"MTrk\x00\xff\xff", 1)
    assert len(read_midi(data).tracks) == 2


def test_a_data_byte_out_of_range_is_taken_as_the_largest():
    assert rows(read_midi(smf(b"\x00\x90\x3c\xe0\x60\x80\x3c\x00" + END))) == [(0, 96, 0, 60, 127)]


def test_impossible_marks_are_kept_but_not_believed():
    marks = b"\x00\xff\x58\x04\x04\xff\x18\x08\x00\xff\x51\x03\x00\x00\x00\x00\xff\x59\x02\x63\x00"
    song = read_midi(smf(marks + END))
    assert (song.tempos, song.meters, song.keys) == ((Tempo(0, 500_000),), (Meter(0, 4, 4),), ())
    assert len(song.raw_events) == 3
    assert read_midi(midi_bytes(song)) == song


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.mid", tmp_path):
        with pytest.raises(TunesmithError, match="check the name"):
            read_midi(path)


def test_a_written_file_is_the_song(tmp_path):
    song = read_midi(smf(NOTE_TRACK))
    write_midi(song, tmp_path / "song.mid")
    assert read_midi(tmp_path / "song.mid") == song
