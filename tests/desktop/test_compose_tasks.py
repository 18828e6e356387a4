"""Tasks on the song, note locks, conditions, history, endless mode, and what the network thinks of the notes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.compose.request import Request, Update
from core.errors import Cancelled, TunesmithError
from core.song.notes import KeyMark, Song, Tempo, Track, empty_notes, make_notes
from desktop.compose import facts, insight
from desktop.compose.endless import LEAD_SECONDS
from desktop.compose.insight import percent
from desktop.compose.tasks import (
    chords_of_bars,
    lacking,
    marked_region,
    merged,
    read_chords,
)
from desktop.document import Document
from tests.desktop.conftest import FLAGSHIP, TUNES
from tests.desktop.hands import BEAT, CTRL, SHIFT, Hands

BAR = 4 * BEAT
PIANO, FLUTE = Track("Piano"), Track("Flute", program=73, channel=1)


def two_tracks() -> Song:
    """Eight bars of quarter notes in two tracks."""
    beats = np.arange(32) * BEAT
    notes = np.concatenate([make_notes(beats, BEAT, 60, 80, 0), make_notes(beats, BEAT, 72, 80, 1)])
    return Song(notes, (PIANO, FLUTE), tempos=(Tempo.from_bpm(0, 100),), keys=(KeyMark(0, 2, "minor"),))


@pytest.fixture
def song_hands(make_studio: Callable[..., Hands]) -> Hands:
    hands = make_studio(two_tracks())
    hands.studio.compose_panel.conditions.count.setValue(1)
    return hands


def done(hands: Hands) -> None:
    hands.until(lambda: not hands.studio.session.busy)


# ---- fill ----------------------------------------------------------------------------------------------


def test_fill_asks_for_the_marked_bars_and_tracks_with_their_locked_notes(song_hands: Hands) -> None:
    hands = song_hands
    assert not hands.studio.actions_.by_id["fill"].isEnabled()
    assert "mark bars first" in hands.studio.compose_panel.why_not("fill")
    hands.document.set_loop((2 * BAR, 4 * BAR))
    hands.document.set_current_track(1)
    inside = np.flatnonzero((hands.song.notes["track"] == 1) & (hands.song.notes["onset"] == 2 * BAR))
    hands.document.set_locked([*inside, len(hands.song.notes) - 1], True)
    hands.press(Qt.Key.Key_I, CTRL)
    done(hands)
    asked = hands.generator.asked[-1]
    assert (asked.task, asked.first_bar, asked.bars, asked.tracks) == ("fill", 2, 2, (1,))
    assert asked.locked == tuple(inside), "only the locked notes of the region"
    assert (asked.key, asked.tempo, asked.meter) == ("D minor", 100, (4, 4)), "those of the song"


def test_a_fill_shows_what_would_go_and_taking_it_changes_nothing_else(song_hands: Hands) -> None:
    hands = song_hands
    before = hands.song
    hands.document.set_loop((2 * BAR, 4 * BAR))
    locked = np.flatnonzero((before.notes["track"] == 0) & (before.notes["onset"] == 2 * BAR))
    hands.document.set_locked(locked, True)
    hands.act("fill")
    done(hands)
    gone = before.notes[hands.document.replaced]
    assert len(gone) == 7, "eight quarter notes in two bars, less the locked one"
    assert gone["onset"].min() >= 2 * BAR
    assert gone["onset"].max() < 4 * BAR
    assert set(gone["track"]) == {0}
    assert set(hands.document.ghosts["pitch"]) == {90}
    hands.act("result_use")
    after = hands.song
    is_new = after.notes["pitch"] == 90
    in_region = (before.notes["onset"] >= 2 * BAR) & (before.notes["onset"] < 4 * BAR)
    mine = in_region & (before.notes["track"] == 0)
    mine[locked] = False
    assert np.array_equal(after.notes[~is_new], before.notes[~mine]), "bit for bit"
    assert hands.document.history.position == 1
    assert len(hands.document.replaced) == 0
    hands.press(Qt.Key.Key_Z, CTRL)
    assert hands.song == before


def test_edits_made_while_it_composed_stay(song_hands: Hands) -> None:
    hands = song_hands
    hands.document.set_loop((0, BAR))
    hands.act("fill")
    done(hands)
    mine = make_notes(6 * BAR + 7, BEAT, 50, 99, 1)
    hands.document.apply("edit", hands.song.with_notes(np.concatenate([hands.song.notes, mine])))
    hands.studio.session.merge(hands.studio.session.variants[0])
    assert mine[0] in hands.song.notes
    assert int((hands.song.notes["pitch"] == 90).sum()) == 4


def test_what_a_generator_does_outside_the_region_is_not_taken() -> None:
    before = two_tracks()
    request = Request(task="fill", song=before, first_bar=1, bars=1, tracks=(0,), locked=(8,))
    wild = before.with_notes(make_notes(np.arange(32) * BEAT, BEAT, 99, 80, 0))
    after = merged(before, request, wild)
    changed = after.notes["pitch"] == 99
    assert set((after.notes["onset"][changed] // BAR).tolist()) == {1}
    outside = (before.notes["onset"] // BAR != 1) | (before.notes["track"] == 1)
    assert np.array_equal(
        after.notes[~changed][after.notes[~changed]["onset"] // BAR != 1],
        before.notes[before.notes["onset"] // BAR != 1],
    )
    assert before.notes[8] in after.notes, "the locked note"
    assert int(outside.sum()) + 1 + int(changed.sum()) == len(after.notes)


def test_the_region_is_the_loop_or_the_bars_of_the_selection(song_hands: Hands) -> None:
    document = song_hands.document
    assert marked_region(document) is None
    chosen = np.flatnonzero(np.isin(document.song.notes["onset"], [BAR + BEAT, 3 * BAR]))
    document.select(chosen)
    region = marked_region(document)
    assert region is not None
    assert (region.first_bar, region.bars, region.tracks) == (1, 3, (0, 1))
    assert region.text(document.song) == "bars 2–4 of Piano, Flute"
    document.set_loop((5 * BAR, 6 * BAR))
    region = marked_region(document)
    assert region is not None
    assert (region.first_bar, region.bars, region.tracks) == (5, 1, (0, 1))


# ---- vary, accompany -----------------------------------------------------------------------------------


def test_vary_locks_what_is_outside_the_marked_bars(song_hands: Hands) -> None:
    hands = song_hands
    hands.document.set_loop((BAR, 2 * BAR))
    hands.press(Qt.Key.Key_I, CTRL, SHIFT)
    done(hands)
    asked = hands.generator.asked[-1]
    free = np.setdiff1d(np.arange(len(hands.song.notes)), asked.locked)
    assert asked.task == "vary"
    assert asked.amount == 0.5
    assert set((hands.song.notes["onset"][free] // BAR).tolist()) == {1}
    assert set(hands.song.notes["track"][free].tolist()) == {0}


def test_accompany_adds_the_instruments_that_the_song_lacks(song_hands: Hands) -> None:
    hands = song_hands
    panel = hands.studio.compose_panel
    panel.set_instruments(["acoustic grand piano", "flute"])
    assert "the song has every instrument asked for" in panel.why_not("accompany")
    panel.set_instruments(["acoustic grand piano", "violin"])
    before = hands.song
    hands.act("accompany")
    done(hands)
    assert hands.generator.asked[-1].instruments == ("violin",)
    hands.act("result_use")
    assert [track.name for track in hands.song.tracks] == ["Piano", "Flute", "Violin"]
    assert np.array_equal(hands.song.notes[hands.song.notes["track"] < 2], before.notes)
    assert np.any(hands.song.notes["track"] == 2)
    assert hands.document.history.position == 1


def test_lacking_knows_drums_and_empty_tracks() -> None:
    song = replace(two_tracks(), tracks=(PIANO, FLUTE, Track("Kit", is_drum=True)))
    assert lacking(song, ("flute", "drums", "violin")) == ("drums", "violin"), "the kit plays nothing yet"


# ---- locks ---------------------------------------------------------------------------------------------


def test_a_lock_goes_with_its_note_through_edits_and_undo() -> None:
    document = Document(two_tracks())
    document.set_locked([3], True)
    value = document.song.notes[3].copy()
    moved = document.song.notes.copy()
    moved["pitch"][3] += 5
    document.apply("Transpose", document.song.with_notes(moved))
    assert document.song.notes["pitch"][document.locked].tolist() == [int(value["pitch"]) + 5]
    document.undo()
    assert document.song.notes[document.locked].tolist() == [value.item()]
    document.apply("Delete", document.song.with_notes(np.delete(document.song.notes, 3)))
    assert not len(document.locked)
    document.undo()
    assert document.song.notes[document.locked].tolist() == [value.item()]
    document.set_locked(document.locked, False)
    assert not len(document.locked)


def test_locks_follow_their_track_and_end_with_the_song() -> None:
    from core.song.edits import move_track

    document = Document(two_tracks())
    document.set_locked([0], True)
    document.apply("Move track", move_track(document.song, 0, 1))
    assert document.song.notes["track"][document.locked].tolist() == [1]
    assert document.song.notes["pitch"][document.locked].tolist() == [60]
    document.open(two_tracks())
    assert not len(document.locked)


def test_locking_by_key_is_seen_in_the_roll(song_hands: Hands) -> None:
    hands = song_hands
    hands.studio.roll.zoom_to_selection()
    before = hands.studio.roll.canvas.grab().toImage()
    hands.document.select([0])
    hands.press(Qt.Key.Key_K, SHIFT)
    hands.document.select([])
    assert hands.document.locked.tolist() == [0]
    assert hands.studio.roll.canvas.grab().toImage() != before
    hands.act("unlock_all")
    assert hands.studio.roll.canvas.grab().toImage() == before


# ---- conditions ----------------------------------------------------------------------------------------


def test_only_what_the_generator_obeys_is_shown_and_asked(hands: Hands) -> None:
    panel = hands.studio.compose_panel
    shown = panel.conditions
    assert shown.composer.isVisible()
    assert not shown.seconds.isVisible()
    shown.composer.set_value("Bach")
    panel.set_request(replace(panel.request(), generator="short-tunes"))
    assert not shown.composer.isVisible()
    assert not shown.instruments.isVisible()
    assert shown.seconds.isVisible()
    assert panel.why_not() == "", "no instrument is needed where none can be asked for"
    asked = panel.request()
    assert (asked.composer, asked.style, asked.instruments, asked.seconds) == ("", "", (), 60.0)
    hands.studio.actions_.refresh()
    assert "Short Tunes cannot fill a region" in hands.studio.actions_.by_id["fill"].toolTip()
    assert "Flagship cannot compose on and on; Short Tunes can" in _why_endless(hands)


def _why_endless(hands: Hands) -> str:
    hands.studio.compose_panel.set_request(Request())
    return hands.studio.compose_panel.why_not_endless()


def test_every_condition_comes_back_from_another_sitting(make_studio: Callable[..., Hands]) -> None:
    import json

    first = make_studio()
    panel = first.studio.compose_panel
    wish = Request(
        style="jazz", composer="Bach", key="D minor", tempo=92, meter=(3, 4), bars=12, instruments=("violin",),
        density=0.4, polyphony=3, register=0.6, note_length=0.25, chords=("Dm", "Gm,A7"), strictness=80,
        repetition=0.75, temperature=1.2, rhythm_temperature=0.8, top_p=0.9, candidates=4, longest_copy=12,
        amount=0.3,
    )  # fmt: skip
    panel.set_request(wish)
    panel.conditions.more.setChecked(True)
    panel.generate()
    done(first)
    kept = json.loads(json.dumps(panel.state()))
    other = make_studio().studio.compose_panel
    other.restore(kept)
    assert replace(other.request(), seed=0) == wish
    assert other.conditions.more.isChecked()
    assert [past.request.style for past in other._session.past] == ["jazz"]


def test_chords_are_checked_and_taken_from_the_song(hands: Hands) -> None:
    panel = hands.studio.compose_panel
    panel.conditions.chords.line.setText("C Am | F,G7")
    assert panel.request().chords == ("C", "Am", "F,G7")
    panel.conditions.chords.line.setText("C Hm")
    assert "no chord 'Hm'" in panel.why_not()
    assert not hands.studio.compose_panel.why.isHidden()
    hands.document.set_loop((0, 3 * BAR))
    panel.conditions.chords.take.click()
    assert panel.request().chords == chords_of_bars(hands.song, 0, 3) != ()
    with pytest.raises(TunesmithError, match="there is no chord"):
        read_chords("C X")


def test_the_fold_says_how_much_is_set_under_it(hands: Hands) -> None:
    shown = hands.studio.compose_panel.conditions
    assert shown.more.text() == "More"
    hands.studio.compose_panel.set_request(Request(density=0.2, polyphony=2))
    assert shown.more.text() == "More · 2 set"
    assert not shown.density.isVisible()
    shown.more.click()
    assert shown.density.isVisible()


# ---- results -------------------------------------------------------------------------------------------


def test_an_earlier_request_brings_the_same_notes_again(song_hands: Hands) -> None:
    hands = song_hands
    session = hands.studio.session
    hands.act("generate")
    done(hands)
    first = session.variants[0].song
    hands.studio.compose_panel.set_request(Request(bars=2))
    hands.act("generate")
    done(hands)
    hands.studio.compose_panel.replay(session.past[1])
    done(hands)
    assert session.variants[-1].song == first


def test_resting_on_a_result_shows_it_until_the_pointer_leaves(song_hands: Hands) -> None:
    hands = song_hands
    session = hands.studio.session
    hands.studio.compose_panel.conditions.count.setValue(2)
    hands.act("generate")
    done(hands)
    other = session.variants[1]
    row = hands.studio.compose_panel.rows[other.number]
    QApplication.sendEvent(row, QEnterEvent(QPointF(5, 5), QPointF(5, 5), QPointF(5, 5)))
    hands.until(lambda: session.shown is other)
    assert session.chosen is session.variants[0]
    assert np.array_equal(hands.document.ghosts["pitch"], other.song.notes["pitch"])
    row.leaveEvent(None)  # type: ignore[arg-type]
    assert session.shown is session.variants[0]


def test_tab_compares_the_variants_of_one_request(song_hands: Hands) -> None:
    hands = song_hands
    hands.studio.compose_panel.conditions.count.setValue(2)
    hands.act("generate")
    done(hands)
    first, second = hands.studio.session.variants
    hands.studio.roll.setFocus()
    hands.studio.actions_.refresh()
    for expected in (second, first):
        hands.press(Qt.Key.Key_Tab)
        assert hands.studio.session.chosen is expected


def test_a_finished_variant_is_measured(song_hands: Hands) -> None:
    hands = song_hands
    hands.act("generate")
    done(hands)
    variant = hands.studio.session.variants[0]
    hands.until(lambda: "key" in variant.facts)
    row = hands.studio.compose_panel.rows[variant.number]
    assert f"{100 * variant.facts['in_key_share']:.0f} %" in row.facts.text()
    assert "Structure" in row.toolTip()
    assert not row.details.isVisible()
    row.info.click()
    assert row.details.isVisible()
    assert "Dynamics" in row.details.text()


def test_facts_are_of_the_new_notes_in_the_key_of_the_song() -> None:
    song = two_tracks()
    own = song.with_notes(make_notes(np.arange(4) * BEAT, BEAT, (62, 65, 69, 66), 80, 0))
    found = facts.aspects(own, song, lambda: False)
    assert (found["key"], found["in_key_share"]) == ("D minor", 0.75)
    line = facts.headline(found | {"longest_match": 7, "log_likelihood": -2.5})
    assert line == "Dm 75 % · copies 7 · -2.50 nats"


# ---- what the network thinks ---------------------------------------------------------------------------


class FakeReading:
    """Likes the pitches below a note's, and is surprised by the later notes."""

    def __init__(self, song: Song) -> None:
        self.song = song

    def surprise(self, *, progress: Any, cancelled: Any) -> np.ndarray:
        progress(0.5)
        nats = np.linspace(0, 9, len(self.song.notes))
        nats[-1] = np.nan
        return nats

    def alternatives(self, note: int, count: int, *, cancelled: Any) -> list[tuple[int, float]]:
        pitch = int(self.song.notes["pitch"][note])
        return [(pitch - step, 0.5 / (step + 1)) for step in range(count)]


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insight.Readings, "of", lambda self, song: FakeReading(song))
    monkeypatch.setattr(insight.Readings, "why_not", staticmethod(lambda: ""))


def test_an_alternative_is_heard_and_taken_in_one_step(song_hands: Hands, reading: None) -> None:
    hands = song_hands
    before = hands.song
    hands.document.select([4])
    heard: list[int] = []
    hands.studio.roll.note_previewed.connect(lambda pitch, *_: heard.append(pitch))
    hands.press(Qt.Key.Key_A)
    popup = hands.studio.alternatives.popup
    assert popup is not None
    hands.until(lambda: bool(popup.list.entries))
    pitch = int(before.notes["pitch"][4])
    QTest.keyClick(popup.list, Qt.Key.Key_Down)
    QTest.keyClick(popup.list, Qt.Key.Key_Down)
    assert heard[-2:] == [pitch - 1, pitch - 2]
    assert hands.song == before
    QTest.keyClick(popup.list, Qt.Key.Key_Return)
    assert hands.document.history.position == 1
    assert hands.song.notes["pitch"][hands.document.selection].tolist() == [pitch - 2]
    hands.document.undo()
    assert hands.song == before


def test_surprise_colours_the_notes_and_follows_edits(song_hands: Hands, reading: None) -> None:
    hands = song_hands
    state, surprise = hands.studio.roll.state, hands.studio.surprise
    plain = hands.studio.roll.canvas.grab().toImage()
    hands.act("surprise")
    hands.until(lambda: len(state.heat) == len(hands.song.notes))
    levels = state.heat
    assert levels[0] == 0
    assert levels[-1] == 255
    assert np.all(np.diff(levels[:-1].astype(int)) >= 0)
    assert hands.studio.roll.canvas.grab().toImage() != plain
    hands.document.apply("edit", hands.song.with_notes(hands.song.notes[:-1]))
    assert not len(state.heat), "no colours of a song that is no more"
    hands.until(lambda: len(state.heat) == len(hands.song.notes))
    hands.document.undo()
    hands.act("surprise")
    assert not surprise.on
    assert not len(state.heat)
    assert hands.studio.roll.canvas.grab().toImage() == plain


def test_what_cannot_be_read_is_told(song_hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, song: Song) -> None:
        raise TunesmithError("the network cannot read this song: it has fewer than eight notes")

    monkeypatch.setattr(insight.Readings, "of", fail)
    monkeypatch.setattr(insight.Readings, "why_not", staticmethod(lambda: ""))
    hands = song_hands
    hands.act("surprise")
    hands.until(lambda: not hands.studio.surprise.on)
    assert "fewer than eight notes" in hands.studio.notices.shown[-1].text


def test_percent_is_short() -> None:
    assert [percent(share) for share in (0.374, 0.042, 0.0001)] == ["37 %", "4.2 %", "<0.1 %"]


# ---- endless -------------------------------------------------------------------------------------------


class FakeStream:
    """A quarter note after the other at 60 beats a minute, without an end."""

    def __init__(self) -> None:
        self.sent = 0
        self.stopped = threading.Event()

    def __call__(self, request: Request, *, cancelled: Callable[[], bool]) -> Iterator[Update]:
        frame = Song(tracks=(Track("Violin", program=40),), tempos=(Tempo.from_bpm(0, 60),))
        yield Update(0.0, empty_notes(), frame)
        try:
            while True:
                if cancelled():
                    raise Cancelled
                yield Update(0.0, make_notes(self.sent * BEAT, BEAT, 60 + self.sent % 12, 80, 0))
                self.sent += 1
        finally:
            self.stopped.set()


def test_endless_keeps_ahead_of_the_play_head_and_is_one_undo_step(make_studio: Callable[..., Hands]) -> None:
    stream = FakeStream()
    hands = make_studio(two_tracks(), stream=stream, generators=[TUNES, FLAGSHIP])
    song = hands.song
    hands.document.mark_saved(None, song)  # type: ignore[arg-type]
    hands.document.apply("edit", song.with_notes(song.notes[:-1]))
    mine = hands.song
    endless = hands.studio.endless
    hands.studio.compose_panel.set_request(Request(generator="short-tunes"))
    hands.act("endless")
    hands.until(lambda: hands.player.playing)
    assert hands.document.playhead >= 8 * BAR, "from where the new begins"
    hands.qtbot.wait(900)
    at = hands.song.time.to_seconds(hands.song.end_tick) - hands.song.time.to_seconds(hands.document.playhead)
    assert at <= LEAD_SECONDS + 2
    assert [track.name for track in hands.song.tracks] == ["Piano", "Flute", "Violin"]
    assert np.array_equal(hands.song.notes[hands.song.notes["track"] < 2], mine.notes)
    before = len(hands.song.notes)
    hands.player.tick = float(hands.document.playhead + 20 * BEAT)
    hands.until(lambda: len(hands.song.notes) > before)
    hands.press(Qt.Key.Key_Space)
    hands.until(lambda: not endless.on)
    hands.until(stream.stopped.is_set)
    assert hands.document.history.position == 2
    hands.document.undo()
    assert hands.song == mine
