"""The papers' tables: what is measured, on which grid, and what the command answers."""

from pathlib import Path

import numpy as np
import pytest

from core.compose.request import Request, Update
from core.errors import TunesmithError
from core.learn import short_tunes_table
from core.learn.seed_tables import NAMES, TABLES, make_table
from core.learn.short_tunes_table import ASPECTS, BARS, FACTS, excerpt, facts, grid_of, on_best_grid, shuffled
from core.song.midi_file import write_midi
from core.song.notes import Song, Tempo, Track, empty_notes, make_notes


def tune(bars: int = 20, tempo: float = 97.0) -> Song:
    pitches = [60, 64, 67, 72, 71, 67, 65, 62] * bars
    velocities = [60, 100] * (4 * bars)
    notes = make_notes(np.arange(8 * bars) * 240, 240, pitches, velocities)
    return Song(notes, (Track("piano"),), tempos=(Tempo.from_bpm(0, tempo),))


def test_a_steady_tempo_is_found_and_its_grid_fits() -> None:
    song = tune()
    tempo, _, fit = grid_of(song.time.to_seconds(song.notes["onset"]))
    assert fit > 0.99
    ratio = tempo / 97.0
    assert min(abs(ratio - r) for r in (1, 0.75, 1.25, 1.5, 1.75)) < 0.01
    rng = np.random.default_rng(0)
    assert grid_of(rng.uniform(0, 40, 300))[2] < 0.35


def test_seconds_are_laid_on_their_grid_unheard() -> None:
    song = tune()
    late = song.notes.copy()
    late["onset"] += 61
    loose = Song(late, song.tracks, tempos=(Tempo.from_bpm(0, 97.0),))
    laid = on_best_grid(loose)
    off = laid.notes["onset"] % 120
    assert np.minimum(off, 120 - off).max() <= 12
    between = np.diff(laid.time.to_seconds(laid.notes["onset"]))
    assert np.allclose(between, np.diff(loose.time.to_seconds(loose.notes["onset"])), atol=2e-3)


def test_an_excerpt_is_the_bars_in_the_middle() -> None:
    cut = excerpt(tune(bars=20))
    assert cut is not None
    assert cut.end_tick == BARS * 1920
    assert len(cut.notes) == 8 * BARS
    assert cut.tempos[0].bpm == pytest.approx(97, abs=0.01)
    assert excerpt(tune(bars=BARS - 1)) is None


def test_facts_of_a_scale_are_those_worked_out_by_hand() -> None:
    found = facts(tune())
    assert set(found) == set(FACTS)
    assert found["in_key_share"] == 1.0
    assert (found["velocity_low"], found["velocity_high"]) == (60, 100)
    assert found["structure"] == pytest.approx(19 / 20)
    assert found["notes_per_beat"] == 2.0
    assert found["chord_share"] == 0.0


def test_the_control_has_the_same_notes_out_of_order() -> None:
    song = tune()
    control = shuffled(song, 1)
    assert sorted(control.notes["pitch"]) == sorted(song.notes["pitch"])
    assert facts(control)["structure"] < 0.2


def walk(request: Request, **_: object) -> list[Update]:
    rng = np.random.default_rng(request.seed)
    notes = make_notes(np.arange(64) * 480, 480, rng.integers(60, 72, 64))
    return [Update(1.0, empty_notes(), Song(notes, (Track(),)), done=True)]


@pytest.fixture
def quick_composer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_tunes_table, "QUICK_SAMPLES", 2)
    monkeypatch.setattr(short_tunes_table, "compose_song", lambda request: walk(request)[-1].song)


@pytest.mark.usefixtures("quick_composer")
def test_one_table_has_every_maker_beside_real_music_and_the_published_verdicts(tmp_path: Path) -> None:
    for number in range(30):
        write_midi(tune(bars=BARS + number % 3), tmp_path / f"{number}.mid")
    told: list[float] = []
    made = make_table("s1", data=tmp_path, quick=True, progress=told.append)
    assert list(made.values["rows"])[:2] == ["real, held out", "real, shuffled"]
    assert "Flagship" in made.values["rows"]
    assert "Short Tunes, as published" in made.values["rows"]
    for row in made.values["rows"].values():
        assert all(low <= mean <= high for mean, low, high in row.values())
    for aspect in ASPECTS:
        assert aspect.published in made.markdown
    assert made.markdown.count("\n|---") == 1
    assert told == sorted(told)
    assert told[-1] == 1.0


@pytest.mark.usefixtures("quick_composer")
def test_without_data_the_table_says_how_to_get_real_music(tunesmith) -> None:
    outcome = tunesmith("tables", "s1", "--quick", "--json")
    assert outcome.code == 0
    assert not any(title.startswith("real") for title in outcome.json["rows"])
    outcome = tunesmith("tables", "s1", "--quick", "--out", "s1.md")
    assert "--data DIR" in outcome.out
    assert Path("s1.md").read_text("utf-8").strip() == outcome.out.strip()


def test_tables_that_are_not_there_are_one_line(tunesmith, tmp_path: Path) -> None:
    for name in set(NAMES) - set(TABLES):
        with pytest.raises(TunesmithError, match="cannot be made yet"):
            make_table(name)
    outcome = tunesmith("tables", "s9")
    assert outcome.code == 2
    assert "no table 's9'" in outcome.line
    assert "no folder" in tunesmith("tables", "s1", "--data", str(tmp_path / "none")).line
