"""The engine without process or device: what it makes is compared with what is rendered, frame by frame."""

import math

import numpy as np
import pytest

from core.song.notes import CONTROL, Song, Tempo, Track, make_notes
from core.sound import events as ev
from core.sound.fluid import Synth
from core.sound.playback_engine import Engine, Score
from core.sound.playback_state import FIELDS, StateBlock, heard_seconds
from core.sound.render import render

RATE = 44100


def score(song, bars=8, number=1):
    events = ev.merge(ev.playback_events(song), ev.metronome_events(song, song.bars.start(bars)))
    return Score(number, events, song.time, song.seconds)


def beats(count=8, ticks=480, length=60, pitch=76, tracks=1, **fields):
    """Short notes of a square wave, which begins and ends at once."""
    return Song(
        make_notes(np.arange(count) * ticks, length, pitch, 110, np.arange(count) % tracks),
        tuple(Track(program=80, **fields) for _ in range(tracks)),
    )


class Machine:
    """An engine and all it has played."""

    def __init__(self, font, block=441):
        synth = Synth(font, sample_rate=RATE, channels=256, effects=False)
        self.state = StateBlock()
        self.engine = Engine(RATE, self.state, synth)
        self.block = block
        self.sound = np.zeros((0, 2), np.float32)

    def run(self, seconds):
        blocks = []
        for _ in range(math.ceil(seconds * RATE / self.block)):
            out = np.full((self.block, 2), np.nan, np.float32)
            self.engine.process(out)
            blocks.append(out)
        self.sound = np.concatenate([self.sound, *blocks])
        return self.state.read()

    def onsets(self, threshold=0.005):
        loud = np.flatnonzero(np.abs(self.sound).max(axis=1) > threshold)
        return loud[np.diff(loud, prepend=-RATE) > RATE // 20] / RATE


@pytest.fixture
def machine(font):
    machine = Machine(font)
    yield machine
    machine.engine.synth.close()


@pytest.mark.parametrize("block", [64, 100, 441, 1024, 4096])
def test_what_is_played_is_what_is_rendered_whatever_the_size_of_blocks(font, block):
    song = beats(8, ticks=437)
    machine = Machine(font, block)
    machine.engine.load_score(score(song))
    machine.engine.play()
    machine.run(3.0)
    rendered = render(song, soundfont=font, effects=False)
    assert np.array_equal(machine.sound[: 2 * RATE], rendered[: 2 * RATE])
    machine.engine.synth.close()


def test_the_clock_is_exact_over_tempo_changes(machine):
    song = beats(4)
    song = Song(song.notes, song.tracks, tempos=(Tempo.from_bpm(0, 120), Tempo.from_bpm(480, 97.3)))
    machine.engine.load_score(score(song))
    machine.engine.play()
    machine.run(1.6)
    assert machine.engine.position == pytest.approx(len(machine.sound) / RATE, abs=1e-9)
    assert machine.onsets() == pytest.approx(song.time.to_seconds(np.arange(3) * 480), abs=0.003)


def test_a_loop_repeats_to_the_frame_for_a_hundred_rounds(machine):
    """A loop of 0.1 s and a bit that is no whole number of frames or blocks."""
    song = beats(4, ticks=100, length=20)
    machine.engine.load_score(score(song))
    machine.engine.set_loop((0, 100.37))
    machine.engine.play()
    machine.run(100 * 100.37 / 960 + 0.05)
    onsets = machine.onsets(0.3 * np.abs(machine.sound).max())
    expected = np.arange(101) * 100.37 / 960
    # The note at tick 100 begins just before each turn and is ended by it: it is all but unheard.
    late = np.array([onsets[np.abs(onsets - moment).argmin()] for moment in expected]) - expected
    assert np.abs(late).max() < 0.006
    assert np.ptp(late) < 0.003


def test_a_note_held_over_the_loops_end_is_let_go_and_one_outside_never_heard(machine):
    song = Song(make_notes([0, 960], [2000, 480], [60, 90], 100), (Track(program=80),))
    machine.engine.load_score(score(song))
    machine.engine.set_loop((480, 900))
    machine.engine.play()
    machine.run(2.0)
    # The held note began before the loop: it is heard until the first turn at 0.9375 s, not after.
    assert np.abs(machine.sound[int(0.5 * RATE) : int(0.9 * RATE)]).max() > 0.01
    assert np.abs(machine.sound[int(1.4 * RATE) :]).max() < 0.001


def test_seeking_sets_programs_and_controllers_as_they_are_there(machine):
    controls = np.array([(960, 0, 0, 0xB0, 10, 127), (960, 0, 0, 0xC0, 0, 80)], CONTROL)
    notes = make_notes([0, 1920], 200, 76, 110)
    song = Song(notes, (Track(program=0, pan=0),), controls=controls)
    machine.engine.load_score(score(song))
    machine.engine.seek(1800)
    machine.engine.play()
    machine.run(0.6)
    assert machine.onsets()[0] == pytest.approx(120 / 960, abs=0.003)
    late = machine.sound[int(0.13 * RATE) :]
    assert np.abs(late[:, 1]).max() > 10 * np.abs(late[:, 0]).max()
    machine.engine.seek(0)
    machine.engine.play()
    machine.sound = machine.sound[:0]
    machine.run(0.3)
    late = machine.sound[400 : int(0.2 * RATE)]
    assert np.abs(late[:, 0]).max() > 10 * np.abs(late[:, 1]).max()


def test_seeking_leaves_no_note_hanging(machine):
    song = Song(make_notes(0, 96000, 60, 100), (Track(program=80),))
    machine.engine.load_score(score(song))
    machine.engine.play()
    machine.run(0.5)
    machine.engine.seek(5000)
    machine.run(0.6)
    assert np.abs(machine.sound[-RATE // 10 :]).max() < 0.001


def test_double_speed_halves_the_distances_and_a_change_on_the_way_keeps_the_place(machine):
    machine.engine.load_score(score(beats(12)))
    machine.engine.set_speed(2.0)
    machine.engine.play()
    machine.run(1.0)
    assert machine.onsets()[:4] == pytest.approx(np.arange(4) * 0.25, abs=0.003)
    position = machine.engine.position
    machine.engine.set_speed(0.5)
    machine.run(0.01)
    assert machine.engine.position == pytest.approx(position + 0.005, abs=1e-6)


@pytest.mark.parametrize(("change", "heard"), [
    ({"mute": True}, [0.5, 1.5]),
    ({"solo": True}, [0.0, 1.0]),
])  # fmt: skip
def test_mute_and_solo_touch_just_what_they_say(machine, change, heard):
    machine.engine.load_score(score(beats(4, tracks=2)))
    machine.engine.set_mix(0, change.get("mute"), change.get("solo"), None, None)
    machine.engine.play()
    machine.run(2.5)
    assert machine.onsets() == pytest.approx(heard, abs=0.003)


def test_a_mute_silences_a_note_that_sounds_and_gives_it_back(machine):
    song = Song(make_notes(0, 3000, 60, 110), (Track(program=80),))
    machine.engine.load_score(score(song))
    machine.engine.play()
    machine.run(0.5)
    machine.engine.set_mix(0, True, None, None, None)
    machine.run(0.5)
    machine.engine.set_mix(0, False, None, None, None)
    machine.run(0.5)
    level = [np.abs(machine.sound[int(at * RATE) :][: RATE // 10]).max() for at in (0.3, 0.7, 1.3)]
    assert level[1] < 1e-5
    assert level[2] == pytest.approx(level[0], rel=0.2)


def test_volume_while_playing_is_exact_and_outlives_a_jump(machine):
    machine.engine.load_score(score(beats(8)))
    machine.engine.play()
    machine.run(0.75)
    machine.engine.set_mix(0, None, None, 50, None)
    machine.run(0.5)
    machine.engine.seek(1440)
    machine.run(0.3)
    peaks = [np.abs(machine.sound[int(at * RATE) :][: RATE // 5]).max() for at in (0.5, 1.0, 1.25)]
    assert 20 * np.log10(peaks[1] / peaks[0]) == pytest.approx(-12.04, abs=0.3)
    assert peaks[2] == pytest.approx(peaks[1], rel=0.05)


def test_an_edit_while_playing_moves_what_is_to_come_and_ends_what_vanished(machine):
    held = Song(make_notes([0, 0], 3000, [60, 67], 100), (Track(program=73),))
    machine.engine.load_score(score(held))
    machine.engine.play()
    machine.run(0.5)
    both = _level_at(machine.sound, 60), _level_at(machine.sound, 67)
    machine.engine.load_score(score(Song(make_notes([0, 960], [3000, 100], [60, 90], 100), held.tracks)))
    machine.run(0.5)
    after = _level_at(machine.sound, 60), _level_at(machine.sound, 67)
    assert after[0] > 0.4 * both[0]
    assert after[1] < 0.02 * both[1]
    position = machine.engine.position
    assert position == pytest.approx(len(machine.sound) / RATE, abs=1e-6)


def _level_at(sound, pitch):
    """Strength of a pitch's fundamental in the last quarter second."""
    last = sound[-RATE // 4 :, 0] * np.hanning(RATE // 4)
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    return abs(np.exp(-2j * np.pi * frequency * np.arange(len(last)) / RATE) @ last)


def test_a_tempo_change_while_playing_keeps_the_tick(machine):
    song = beats(16)
    machine.engine.load_score(score(song))
    machine.engine.play()
    machine.run(1.1)
    tick = song.time.to_ticks(machine.engine.position)
    slow = Song(song.notes, song.tracks, tempos=(Tempo.from_bpm(0, 60),))
    machine.engine.load_score(score(slow))
    machine.run(0.01)
    assert slow.time.to_ticks(machine.engine.position) == pytest.approx(tick + 0.01 * 480, abs=0.1)


def test_playing_ends_with_the_song_and_starts_anew_from_there(machine):
    song = beats(2)
    machine.engine.load_score(score(song))
    machine.engine.play()
    state = machine.run(1.0)
    assert not state["playing"]
    assert song.time.to_ticks(state["seconds"]) == pytest.approx(song.end_tick)
    machine.engine.play()
    state = machine.run(0.1)
    assert state["playing"]
    assert state["seconds"] < 0.1


def test_the_metronome_clicks_on_beats_and_goes_on_after_the_song(machine):
    song = Song(tracks=(Track(),))
    machine.engine.load_score(score(song))
    machine.engine.set_metronome(True)
    machine.engine.play()
    state = machine.run(2.2)
    assert state["playing"]
    assert machine.onsets() == pytest.approx(np.arange(5) * 0.5, abs=0.005)


def test_a_preview_sounds_while_nothing_plays_and_ends_by_itself(machine):
    machine.engine.preview(80, 72, 100, 0.2)
    machine.run(0.1)
    assert np.abs(machine.sound).max() > 0.02
    machine.run(1.0)
    assert np.abs(machine.sound[-2000:]).max() < 1e-4
    machine.engine.preview(None, 38, 100, 0.2)
    machine.run(0.1)
    assert np.abs(machine.sound[-RATE // 10 :]).max() > 0.02


def test_too_loud_is_limited_below_full_scale_and_recovers(machine):
    loud = Song(
        make_notes(0, 480, np.arange(30, 100).repeat(2), 127, np.tile([0, 1], 70)),
        (Track(program=29, volume=127), Track(program=81, volume=127)),
    )
    machine.engine.load_score(score(loud))
    machine.engine.play()
    state = machine.run(0.4)
    assert state["peak_left"] > 0.9
    assert np.abs(machine.sound).max() <= 1.0
    # Past the first glide nothing is clipped: the limiter turned it down.
    assert (np.abs(machine.sound[2000:]) > 0.98).mean() < 0.001
    machine.run(3.0)
    machine.engine.load_score(score(beats(2)))
    machine.sound = machine.sound[:0]
    machine.engine.seek(0)
    machine.engine.play()
    machine.run(0.2)
    reference = render(beats(2), effects=False, soundfont=machine.engine.synth.soundfont)
    assert np.abs(machine.sound).max() == pytest.approx(np.abs(reference[: RATE // 5]).max(), rel=0.02)


def test_panic_ends_everything_at_once(machine):
    song = Song(make_notes(0, 96000, [48, 55, 60], 100), (Track(program=48),))
    machine.engine.load_score(score(song))
    machine.engine.play()
    machine.run(0.5)
    machine.engine.pause()
    machine.engine.panic()
    machine.run(0.2)
    assert np.abs(machine.sound[-2000:]).max() < 1e-5


def test_without_a_synthesiser_time_goes_on_in_silence(font):
    state = StateBlock()
    engine = Engine(RATE, state)
    engine.load_score(score(beats(8)))
    engine.play()
    out = np.full((RATE, 2), np.nan, np.float32)
    engine.process(out)
    assert not out.any()
    assert engine.position == pytest.approx(1.0)


def test_another_synthesiser_waits_for_a_pause_and_sounds_alike(machine, font):
    song = beats(4, pan=0)
    machine.engine.load_score(score(song))
    machine.engine.play()
    machine.run(0.3)
    old, new = machine.engine.synth, Synth(font, channels=256, effects=False)
    machine.engine.use_synth(new)
    machine.run(0.1)
    assert machine.engine.synth is old
    machine.engine.pause()
    machine.run(0.1)
    assert machine.engine.synth is new
    assert machine.engine.discarded() == [old]
    old.close()
    machine.engine.play()
    machine.run(0.5)
    last = np.abs(machine.sound[-RATE // 4 :]).max(axis=0)
    assert last[0] > 10 * last[1]


def test_a_short_slip_is_no_loop(machine):
    machine.engine.load_score(score(beats(8)))
    machine.engine.set_loop((480, 481))
    machine.engine.play()
    assert machine.run(1.0)["seconds"] > 0.9


def published(**given):
    values = dict.fromkeys(FIELDS, 0.0) | {
        "playing": 1.0, "speed": 1.0, "clock": 100.0, "span": 0.05, "latency": 0.05,
        "jumped_from": math.nan, "loop_start": math.nan, "loop_end": math.nan,
    }  # fmt: skip
    return values | given


def test_the_position_is_the_one_heard_not_the_one_being_made():
    state = published(seconds=2.0, since_jump=2.0)
    assert heard_seconds(state, 100.0) == pytest.approx(1.95)
    assert heard_seconds(state, 100.02) == pytest.approx(1.97)
    assert heard_seconds(published(seconds=2.0, since_jump=2.0, speed=2.0), 100.0) == pytest.approx(1.9)


def test_where_sound_is_late_the_position_waits_for_it():
    state = published(seconds=2.0, since_jump=2.0, span=0.01)
    assert heard_seconds(state, 100.06) == pytest.approx(2.01)
    assert heard_seconds(state, 107.0) == pytest.approx(2.01)


def test_the_position_waits_at_the_start_until_its_sound_comes_out():
    assert heard_seconds(published(seconds=3.01, since_jump=0.01), 100.0) == pytest.approx(3.0)


def test_around_a_loops_turn_the_position_is_still_before_it_or_already_behind():
    loop = {"loop_start": 1.0, "loop_end": 2.0}
    turned = published(seconds=1.01, since_jump=0.01, jumped_from=2.0, **loop)
    assert heard_seconds(turned, 100.0) == pytest.approx(1.96)
    before = published(seconds=1.99, since_jump=0.99, **loop)
    assert heard_seconds(before, 100.08) == pytest.approx(1.02)
