"""Composing in the window: nothing reaches the song until it is taken, and then it is one undo step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import Qt

from core.errors import TunesmithError
from core.song.notes import Song, Track, make_notes
from desktop.compose.session import leading_track
from desktop.demo import demo_song
from tests.desktop.hands import BEAT, CTRL, SHIFT, Hands

NOTES_ASKED = 4 * 8


def generate(hands: Hands, count: int = 1) -> None:
    hands.studio.compose_panel.conditions.count.setValue(count)
    hands.press(Qt.Key.Key_G, CTRL)


def test_ghosts_stream_and_taking_them_is_one_undo_step(hands: Hands) -> None:
    before = hands.song
    hands.generator.hold = True
    generate(hands)
    hands.until(lambda: len(hands.document.ghosts) == 3)
    assert hands.song == before, "composing must not touch the song"
    hands.generator.go.set()
    hands.until(lambda: not hands.studio.session.busy)
    assert len(hands.document.ghosts) == NOTES_ASKED
    assert hands.song == before

    hands.press(Qt.Key.Key_Return, CTRL)
    assert len(hands.song.notes) == NOTES_ASKED
    assert hands.song.tracks[0].name == "Flute"
    assert not len(hands.document.ghosts)
    assert hands.document.history.position == 1

    hands.press(Qt.Key.Key_Z, CTRL)
    assert hands.song == before
    assert not hands.document.modified


def test_what_a_generator_threw_away_is_shown_no_longer(hands: Hands) -> None:
    hands.generator.hold = hands.generator.begins_anew = True
    generate(hands)
    hands.until(lambda: len(hands.document.ghosts) == 3)
    hands.generator.go.set()
    hands.finish()
    assert len(hands.document.ghosts) == NOTES_ASKED


def test_a_new_song_is_shown_at_the_highest_track_with_much_to_play(hands: Hands) -> None:
    notes = [
        make_notes(range(0, 20 * BEAT, BEAT), BEAT, pitch, 90, track)
        for track, pitch in enumerate((40, 72, 64, 90))
    ]
    notes.append(make_notes(0, BEAT, 100, 90, 4))
    tracks = (Track("Bass"), Track("Flute"), Track("Piano"), Track("Kit", is_drum=True), Track("Bell"))
    assert leading_track(Song(np.concatenate(notes), tracks)) == 1
    assert leading_track(Song(notes[3], tracks)) == 0


def test_ghosts_have_the_colours_of_the_results_own_tracks(hands: Hands) -> None:
    generate(hands)
    hands.finish()
    document = hands.document
    assert document.ghost_song.tracks[0].name == "Flute"
    assert document.song.tracks[0].name != "Flute"
    hands.studio.session.choose(None)
    assert document.ghost_song is document.song


def test_the_generator_runs_outside_the_gui_thread(hands: Hands) -> None:
    generate(hands)
    hands.finish()
    assert hands.generator.threads
    assert "MainThread" not in hands.generator.threads


def test_cancel_lets_go_within_a_tenth_of_a_second_and_leaves_the_song(hands: Hands) -> None:
    before = hands.song
    hands.generator.hold = True
    generate(hands)
    hands.until(lambda: len(hands.document.ghosts) == 3)
    began = time.perf_counter()
    hands.act("cancel")
    assert not hands.studio.session.busy
    assert time.perf_counter() - began < 0.1
    assert hands.song == before
    assert hands.document.history.position == 0
    variant = hands.studio.session.variants[0]
    assert (variant.state, len(variant.fresh)) == ("stopped", 3), "what was made stays to be used"


def test_late_results_of_a_cancelled_job_are_ignored(hands: Hands) -> None:
    hands.generator.hold = True
    generate(hands)
    hands.until(lambda: len(hands.document.ghosts) == 3)
    hands.act("cancel")
    hands.generator.go.set()
    hands.qtbot.wait(150)
    assert len(hands.studio.session.variants[0].fresh) == 3


def test_variants_count_their_seeds_up_and_differ(hands: Hands) -> None:
    hands.studio.compose_panel.conditions.new_seed.setChecked(False)
    hands.studio.compose_panel.conditions.seed.setText("41")
    generate(hands, count=3)
    hands.until(lambda: not hands.studio.session.busy)
    assert [request.seed for request in hands.generator.asked] == [41, 42, 43]
    first = [int(variant.song.notes["pitch"][0]) for variant in hands.studio.session.variants]
    assert len(set(first)) == 3


def test_a_result_gives_its_settings_back_and_the_same_notes_again(hands: Hands) -> None:
    panel = hands.studio.compose_panel
    generate(hands)
    hands.until(lambda: not hands.studio.session.busy)
    first = hands.studio.session.variants[0]
    panel.conditions.bars.setValue(3)
    panel.conditions.strictness.set_number(10)
    panel.recall(first)
    assert panel.request() == replace(first.request, instruments=panel.request().instruments)
    generate(hands)
    hands.until(lambda: not hands.studio.session.busy)
    again = hands.studio.session.variants[1]
    assert again.request == replace(first.request, instruments=again.request.instruments)
    assert again.song == first.song


def test_insert_adds_to_a_song_of_the_users_and_keeps_all_that_was_there(
    make_studio: Callable[..., Hands],
) -> None:
    song = Song(make_notes(np.arange(8) * BEAT, BEAT, 60), (Track("Mine", program=40),))
    hands = make_studio(song)
    hands.document.apply("edit", song.with_notes(song.notes[:-1]))
    mine = hands.song
    hands.document.set_playhead(4 * BEAT + 7)
    generate(hands)
    hands.until(lambda: not hands.studio.session.busy)
    hands.act("result_use")
    assert [track.name for track in hands.song.tracks] == ["Mine", "Flute"]
    assert np.array_equal(hands.song.notes[hands.song.notes["track"] == 0], mine.notes)
    added = hands.song.notes[hands.song.notes["track"] == 1]
    assert added["onset"].min() == 4 * BEAT, "from the bar of the play-head"
    assert hands.song.tempos == mine.tempos
    hands.press(Qt.Key.Key_Z, CTRL)
    assert hands.song == mine


def test_parts_go_to_tracks_with_the_same_instrument(make_studio: Callable[..., Hands]) -> None:
    song = Song(
        make_notes(0, BEAT, 60), (Track("Strings", program=48), Track("My flute", program=73, channel=1))
    )
    hands = make_studio(song)
    hands.document.apply("edit", song.with_notes(song.notes[:0]))
    hands.document.apply("edit", song)
    hands.document.mark_saved(hands.document.path, demo_song())  # type: ignore[arg-type]
    generate(hands)
    hands.until(lambda: not hands.studio.session.busy)
    hands.studio.session.insert(hands.studio.session.variants[0])
    assert len(hands.song.tracks) == 2
    assert int((hands.song.notes["track"] == 1).sum()) == NOTES_ASKED


def test_continue_shows_only_what_is_new_and_takes_the_songs_place(hands: Hands) -> None:
    before = hands.song
    hands.studio.compose_panel.conditions.count.setValue(1)
    hands.press(Qt.Key.Key_G, CTRL, SHIFT)
    hands.until(lambda: not hands.studio.session.busy)
    assert hands.generator.asked[0].song is before
    assert len(hands.document.ghosts) == NOTES_ASKED
    assert hands.document.ghosts["onset"].min() >= before.end_tick
    hands.act("result_use")
    assert len(hands.song.notes) == len(before.notes) + NOTES_ASKED
    assert hands.song.tracks == before.tracks


def test_a_continuation_stopped_early_keeps_the_song_it_continues(hands: Hands) -> None:
    before = hands.song
    hands.generator.hold = True
    hands.studio.compose_panel.conditions.count.setValue(1)
    hands.press(Qt.Key.Key_G, CTRL, SHIFT)
    hands.until(lambda: len(hands.document.ghosts) == 3)
    hands.act("cancel")
    hands.act("result_use")
    assert len(hands.song.notes) == len(before.notes) + 3
    assert np.array_equal(hands.song.notes[: len(before.notes)], before.notes)


def test_an_error_is_told_and_harms_nothing(hands: Hands) -> None:
    before = hands.song
    hands.generator.error = TunesmithError("the weights are missing: run `tunesmith doctor`")
    generate(hands)
    hands.until(lambda: not hands.studio.session.busy)
    assert hands.song == before
    assert not hands.studio.session.variants
    assert "the weights are missing" in hands.studio.notices.shown[-1].text


def test_the_chosen_result_sounds_in_place_of_the_song(hands: Hands) -> None:
    generate(hands)
    hands.until(lambda: not hands.studio.session.busy)
    hands.until(lambda: hands.player.last("load")[1] is hands.studio.session.variants[0].song)
    assert not hands.document.is_audible(0), "the song is shown as silent meanwhile"
    assert hands.document.in_mix(0)
    hands.act("result_none")
    assert hands.document.is_audible(0)
    hands.until(lambda: hands.player.last("load")[1] is hands.song)


def test_a_result_can_be_heard_while_it_grows(hands: Hands) -> None:
    hands.generator.hold = True
    generate(hands)
    hands.until(lambda: len(hands.document.ghosts) == 3)
    hands.until(lambda: len(hands.player.last("load")[1].notes) == 3)
    hands.press(Qt.Key.Key_Space)
    assert hands.player.playing
    hands.generator.go.set()
    hands.until(lambda: len(hands.player.last("load")[1].notes) == NOTES_ASKED)
    assert hands.player.playing


def test_a_star_keeps_a_result_from_being_discarded(hands: Hands) -> None:
    generate(hands, count=2)
    hands.until(lambda: not hands.studio.session.busy)
    kept = hands.studio.session.variants[1]
    hands.studio.session.star(kept)
    hands.studio.session.discard_all()
    assert hands.studio.session.variants == [kept]


def test_generate_says_why_it_cannot(hands: Hands) -> None:
    panel = hands.studio.compose_panel
    panel.set_instruments([])
    hands.studio.actions_.refresh()
    action = hands.studio.actions_.by_id["generate"]
    assert not action.isEnabled()
    assert "choose an instrument first" in action.toolTip()
    assert "Choose an instrument first." in panel.why.text()
    panel.set_instruments(["violin"])
    hands.studio.actions_.refresh()
    assert action.isEnabled()


def test_without_generators_the_studio_opens_and_says_so(make_studio: Callable[..., Any]) -> None:
    hands = make_studio(generators=[])
    assert not hands.studio.actions_.by_id["generate"].isEnabled()
    assert "no generator is installed" in hands.studio.actions_.by_id["generate"].toolTip()
