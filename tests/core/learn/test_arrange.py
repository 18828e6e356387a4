"""Arrangements of small songs made here, judged by what a musician would hear."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from core.errors import TunesmithError
from core.learn.arrange import STYLES, DrumBars, arrange, suitable_styles
from core.learn.arrange.chords import KINDS, Chord, find_chords
from core.learn.arrange.drums import HIT, cut_bars, make_take
from core.learn.arrange.kits import FILLS, KITS
from core.learn.arrange.parts import swung, voice
from core.learn.arrange.patterns import BASS, CHORDAL
from core.learn.arrange.source import read_source
from core.song.notes import Meter, Song, Tempo, Track, make_notes

PROGRESSION = ((0, ""), (9, "m"), (5, ""), (7, ""))
"""C Am F G, a bar each."""

TUNE = {
    (0, ""): (76, 72, 79, 76),
    (9, "m"): (72, 76, 81, 76),
    (5, ""): (77, 72, 69, 72),
    (7, ""): (71, 74, 79, 74),
}


def lead_sheet(bars: int = 48, meter: tuple[int, int] = (4, 4), upbeat: int = 0, bpm: float = 112.5) -> Song:
    """A quarter-note tune over C Am F G, with block chords; ends on C. ``upbeat`` ticks come before bar 1."""
    bar = 1920 * meter[0] // meter[1]
    rows = [(0, upbeat, 67, 90, 0)] if upbeat else []
    for index in range(bars):
        root, kind = PROGRESSION[index % 4] if index < bars - 1 else PROGRESSION[0]
        start = upbeat + index * bar
        rows += [(start + beat * 480, 450, TUNE[root, kind][beat], 90, 0) for beat in range(bar // 480)]
        rows += [(start, bar - 10, 48 + root + step, 70, 1) for step in KINDS[kind]]
        rows.append((start, bar - 10, 36 + root, 76, 2))
    tracks = (Track("melody", 73), Track("chords", 0), Track("bass", 32))
    onset, duration, pitch, velocity, track = np.array(rows).T
    notes = make_notes(onset, duration, pitch, velocity, track)
    return Song(notes, tracks, tempos=(Tempo.from_bpm(0, bpm),), meters=(Meter(0, *meter),), title="sheet")


def of_role(song: Song, role: str) -> np.ndarray:
    wanted = [index for index, track in enumerate(song.tracks) if track.name == role]
    return song.notes[np.isin(song.notes["track"], wanted)]


def made(song: Song, style: str, seed: int = 0, drum_bars: DrumBars | None = None) -> Song:
    band = arrange(song, style, np.random.default_rng(seed), drum_bars)
    assert band is not None
    return band


def first_melody_tick(band: Song) -> int:
    return int(of_role(band, "melody")["onset"][0])


def test_chords_are_found_from_notes() -> None:
    song = lead_sheet(8)
    backing, melody = song.notes[song.notes["track"] > 0], song.notes[song.notes["track"] == 0]
    chords, key = find_chords(backing, melody, 960, 16)
    expected = [Chord(*PROGRESSION[bar % 4]) for bar in range(7)] + [Chord(0, "")]
    assert chords[::2] == expected
    assert chords[1::2] == expected
    assert key == (0, "major")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_chord_is_recognised(kind: str) -> None:
    # An augmented or diminished seventh chord has no single root: there the bass note decides.
    pitches = [38, *(50 + step for step in KINDS[kind])]
    notes = make_notes(0, 960, pitches)
    chords, _ = find_chords(notes, notes[:0], 960, 1)
    assert chords == [Chord(2, kind)]


def test_an_upbeat_does_not_shift_the_bars() -> None:
    source = read_source(lead_sheet(16, upbeat=480))
    assert source is not None
    assert (source.backing["onset"] % 1920 == 0).all()
    assert source.melody["onset"][0] == 1440


def test_a_recording_off_the_grid_is_put_on_it() -> None:
    # Pop transcriptions start anywhere and are written in 1/4.
    song = lead_sheet(16)
    notes = song.notes.copy()
    notes["onset"] += 652 + np.random.default_rng(1).integers(-6, 7, len(notes))
    source = read_source(Song(notes, song.tracks, tempos=song.tempos, meters=(Meter(0, 1, 4),)))
    assert source is not None
    assert source.meter == (4, 4)
    assert (source.backing["onset"] % 1920 == 0).all()


def test_a_song_without_steady_beat_is_declined() -> None:
    song = lead_sheet(16)
    notes = song.notes.copy()
    notes["onset"] = np.random.default_rng(2).integers(0, 30000, len(notes))
    assert arrange(Song(notes, song.tracks), "pop", np.random.default_rng(0)) is None


@pytest.mark.parametrize("style", [name for name, style in STYLES.items() if (4, 4) in style.meters])
def test_every_style_plays_the_roots_and_a_clean_score(style: str) -> None:
    band = made(lead_sheet(), style)
    melody, bass = of_role(band, "melody"), of_role(band, "bass")
    assert len(melody)
    assert len(bass)
    assert 3 <= len(band.tracks) <= 8
    assert [track.is_drum for track in band.tracks] == [track.name == "drums" for track in band.tracks]
    assert len({track.channel for track in band.tracks}) == len(band.tracks)

    start = first_melody_tick(band) // 1920
    scale = 2 if band.tempos[0].bpm > 170 and style == "metal" else 1
    on_one = bass[(bass["onset"] % 1920 == 0) & (bass["onset"] >= start * 1920)]
    last = band.end_tick // 1920 - 1
    assert len(on_one) > 4
    for note in on_one:
        bar = int(note["onset"]) // 1920
        root = PROGRESSION[0][0] if bar >= last - scale else PROGRESSION[(bar - start) // scale % 4][0]
        assert note["pitch"] % 12 == root, f"bar {bar}"

    for index in range(len(band.tracks)):
        part = band.notes[band.notes["track"] == index]
        part = part[np.lexsort((part["onset"], part["pitch"]))]
        same = part["pitch"][1:] == part["pitch"][:-1]
        ends = part["onset"][:-1] + part["duration"][:-1]
        assert (part["onset"][1:][same] >= ends[same]).all()
    assert (band.notes["duration"] > 0).all()
    assert ((band.notes["velocity"] > 0) & (band.notes["velocity"] < 128)).all()


@pytest.mark.parametrize("style", ["pop", "rock", "ballad", "country", "orchestral", "electronic"])
def test_the_last_bar_holds_the_home_chord(style: str) -> None:
    band = made(lead_sheet(), style, seed=3)
    last = (band.end_tick // 1920 - (band.end_tick % 1920 == 0)) * 1920
    pitched = band.notes[~np.isin(band.notes["track"], [i for i, t in enumerate(band.tracks) if t.is_drum])]
    final = pitched[pitched["onset"] >= last]
    assert len(final) >= 4
    assert set((final["pitch"] % 12).tolist()) <= {0, 4, 7}
    assert (final["onset"] == last).all()
    bass = of_role(band, "bass")
    assert bass["pitch"][-1] % 12 == 0


def test_without_human_bars_a_kit_plays_and_fills_in() -> None:
    band = made(lead_sheet(), "rock", seed=1)
    drums = of_role(band, "drums")
    bars = drums["onset"] // 1920
    assert len(np.unique(bars)) > 40
    start = first_melody_tick(band) // 1920
    ordinary = {tuple(zip(d["onset"] % 1920, d["pitch"], strict=True)) for d in [drums[bars == start + 2]]}
    fill = {tuple(zip(d["onset"] % 1920, d["pitch"], strict=True)) for d in [drums[bars == start + 7]]}
    assert ordinary != fill
    crashes = drums[drums["pitch"] == 49]
    assert len(crashes)
    assert (crashes["onset"] % 1920 == 0).all()


def test_human_bars_are_looped_with_their_fills() -> None:
    groove = np.array([(0, 36, 100), (12, 38, 90), (24, 36, 95), (36, 38, 92), (18, 42, 60)], HIT)
    other = np.array([(0, 36, 100), (12, 38, 90), (30, 36, 95), (36, 38, 92), (18, 42, 60)], HIT)
    fill = np.array([(step, 48, 110) for step in range(0, 48, 6)], HIT)
    take = make_take([groove, other, groove, other, groove, fill], 112)
    assert take is not None
    assert len(take.fills) == 1
    drums = of_role(made(lead_sheet(), "rock", 5, DrumBars({"rock": (take,)})), "drums")
    played = {
        tuple(
            sorted(
                (int(n["onset"]) % 1920 // 40, int(n["pitch"])) for n in drums[drums["onset"] // 1920 == bar]
            )
        )
        for bar in np.unique(drums["onset"] // 1920)
    }
    assert tuple(sorted((int(h["step"]), int(h["pitch"])) for h in groove)) in played
    assert any((6, 48) in bar for bar in played)


def test_a_drummer_who_plays_ahead_is_put_on_the_beat() -> None:
    beats = np.arange(0, 16, 0.5) + 4 - 0.06
    bars = cut_bars(beats, np.full(32, 42), np.full(32, 80))
    steps = {int(step) for hits in bars[1:] for step in hits["step"]}
    assert steps == set(range(0, 48, 6))


def test_a_swung_drummer_stays_swung() -> None:
    beats = np.concatenate([np.arange(16), np.arange(16) + 0.66]) + np.tile([0.01, -0.01], 16)
    bars = cut_bars(np.maximum(beats, 0), np.full(32, 51), np.full(32, 80))
    assert {int(step) % 12 for hits in bars for step in hits["step"]} == {0, 8}


def test_the_same_seed_gives_the_same_band_and_another_seed_another() -> None:
    song = lead_sheet()
    assert made(song, "soul", 7) == made(song, "soul", 7)
    assert len({tuple(t.program for t in made(song, "soul", seed).tracks) for seed in range(6)}) > 1


def test_waltz_is_in_three() -> None:
    song = lead_sheet(meter=(3, 4))
    band = made(song, "waltz", seed=2)
    assert (band.meters[0].numerator, band.meters[0].denominator) == (3, 4)
    bass = of_role(band, "bass")
    start = first_melody_tick(band) // 1440
    on_one = bass[(bass["onset"] % 1440 == 0) & (bass["onset"] // 1440 < band.end_tick // 1440 - 2)]
    roots = [PROGRESSION[(int(n["onset"]) // 1440 - start) % 4][0] for n in on_one]
    assert (on_one["pitch"] % 12).tolist() == roots
    kicks = of_role(band, "drums")
    assert (kicks["onset"][kicks["pitch"] == 36] % 1440 == 0).mean() > 0.9
    assert "waltz" not in suitable_styles(lead_sheet())
    assert arrange(lead_sheet(), "waltz", np.random.default_rng(0)) is None


def test_texture_changes_with_the_form() -> None:
    band = made(lead_sheet(64), "pop", seed=4)
    start = first_melody_tick(band) // 1920
    playing = [
        frozenset(np.unique(band.notes["track"][band.notes["onset"] // 1920 == bar]).tolist())
        for bar in range(start, start + 64)
    ]
    sections = {frozenset.union(*playing[at : at + 8]) for at in range(0, 64, 8)}
    assert len(sections) > 1


def test_jazz_swings_its_offbeats() -> None:
    assert [swung(tick, 1.0) for tick in (0, 240, 320, 480, 720)] == [0, 320, 320, 480, 800]
    assert swung(240, 0.0) == 240
    notes = made(lead_sheet(), "jazz").notes
    assert not (notes["onset"] % 480 == 240).any()


def test_voices_move_little_from_chord_to_chord() -> None:
    before: tuple[int, ...] = ()
    for root, kind in (*PROGRESSION, *PROGRESSION):
        now = voice(Chord(root, kind), "close", 62, before)
        assert {pitch % 12 for pitch in now} == set(Chord(root, kind).pitch_classes)
        if before:
            assert max(min(abs(pitch - old) for old in before) for pitch in now) <= 3
        before = now


def test_the_tables_are_sound() -> None:
    lengths = {(4, 4): 16, (3, 4): 12, (6, 8): 12}
    for patterns, marks in ((BASS, "R8537aw6-."), (CHORDAL, "XxLU1234-.")):
        for name, by_meter in patterns.items():
            for meter, alternatives in by_meter.items():
                for pattern in (level for alternative in alternatives for level in alternative):
                    assert len(pattern) == lengths[meter], name
                    assert set(pattern) <= set(marks), name
    for by_meter in (*KITS.values(), FILLS):
        for meter, kits in by_meter.items():
            assert all(len(text) == lengths[meter] for kit in kits for text in kit.values())
    for name, style in STYLES.items():
        for part in style.parts:
            table = {"bass": BASS, "comp": CHORDAL, "pad": CHORDAL, "arp": CHORDAL}.get(part.role)
            assert table is None or part.pattern in table, name
        assert not style.kit or all(meter in KITS[style.kit] for meter in style.meters), name


def test_unknown_style_is_named() -> None:
    with pytest.raises(TunesmithError, match="polka"):
        arrange(lead_sheet(), "polka", np.random.default_rng(0))


def test_groove_is_read_by_split() -> None:
    folder = os.environ.get("TUNESMITH_DATA")
    if not folder or not (Path(folder) / "groove").is_dir():
        pytest.skip("TUNESMITH_DATA names no folder with the Groove MIDI Dataset")
    train = DrumBars.load(folder, split="train")
    test = DrumBars.load(folder, split="test")
    assert sum(map(len, train.takes.values())) > 2 * sum(map(len, test.takes.values())) > 0
    assert {"rock", "funk", "jazz"} <= set(train.takes)
