"""The player as a whole: its own process, a real device (PulseAudio's null sink), and what comes out of it."""

import os
import signal
import time

import numpy as np
import pytest

from core.song.notes import Song, Tempo, Track, make_notes
from core.sound.player import Player

RATE = 44100
TOLERANCE = 0.005


def beats(count, ticks=240, bpm=120.0, tracks=1, pitch=76):
    """Short notes of a square wave, which begins and ends at once."""
    return Song(
        make_notes(np.arange(count) * ticks, 60, pitch, 110, np.arange(count) % tracks),
        tuple(Track(program=80) for _ in range(tracks)),
        tempos=(Tempo.from_bpm(0, bpm),),
    )


def onsets(sound, threshold=0.02):
    """Seconds at which sound begins after at least 40 ms of silence."""
    loud = np.flatnonzero(np.abs(sound).max(axis=1) > threshold)
    return loud[np.diff(loud, prepend=-RATE) > RATE // 25] / RATE


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class HeldUp(AssertionError):
    """The machine gave the sound too little time."""


def unless_held_up(player, attempt, tries=4):
    """Carry out ``attempt`` until no sound came late in it, and let it fail where none did.

    What is under test is when notes sound. A machine with more to do than it can leaves gaps that no player
    can prevent: they are counted by the player, or seen in the recording. Then, and only then, the fact is
    looked for again; the player meanwhile doubles its buffer. A fact that is wrong without gaps fails at once,
    and so does a player that is late every time.
    """
    for left in reversed(range(tries)):
        before = player.state().dropouts
        try:
            return attempt()
        except AssertionError as error:
            if not left or (player.state().dropouts == before and not isinstance(error, HeldUp)):
                raise
            player.stop()
            wait_for(lambda: not player.state().playing)
    return None


def check_whole(sound):
    """Raise HeldUp where the server had to put silence into what was played.

    Its silence is exactly zero. Ours is not even between notes, as FluidSynth's reverb never quite ends.
    """
    sounding = np.flatnonzero(sound.any(axis=1))
    if len(sounding) and np.diff(sounding).max(initial=0) > 64:
        raise HeldUp("there is a gap in the recording")
    return sound


@pytest.fixture
def player(recorder, font):
    """A player on the private sound server, warm: its stream runs."""
    player = Player(soundfont=font)
    player.start()
    try:
        wait_for(lambda: player._state.read()["blocks"] > 50)
        assert player.state().status == ""
        yield player
    finally:
        player.close()


def play_through(player, recorder, song, seconds):
    """Play ``song`` from its start for ``seconds``; what was recorded."""
    player.stop()
    player.load(song)
    recorder.start()
    player.play()
    recorder.wait(seconds)
    player.pause()
    return check_whole(recorder.stop())


def test_onsets_come_out_where_they_belong_with_no_drift(player, recorder):
    song, expected = beats(33), np.arange(33) * 0.25

    def attempt():
        found = onsets(play_through(player, recorder, song, 9.0))
        assert len(found) == 33
        tempo, start = np.polyfit(expected, found, 1)
        assert np.abs(found - (expected + start)).max() < TOLERANCE
        # Each onset is known to a block of 1.5 ms, so a line through 8 s of them to 0.01 %.
        assert abs(tempo - 1) < 1e-4

    unless_held_up(player, attempt)


def test_a_loop_is_seamless(player, recorder):
    song = beats(16)
    player.set_loop(240, 1200)  # beats 1 to 5 of 0.25 s

    def attempt():
        found = onsets(play_through(player, recorder, song, 4.5))
        assert len(found) >= 15
        assert np.diff(found) == pytest.approx(0.25, abs=TOLERANCE)

    unless_held_up(player, attempt)


def test_the_clock_agrees_with_what_is_heard(player):
    player.load(beats(400))

    def attempt():
        player.play()
        wait_for(lambda: player.state().tick > 0)
        samples = []
        for _ in range(60):
            samples.append((time.monotonic(), player.state()))
            time.sleep(0.01)
        moments = np.array([moment for moment, _ in samples])
        seconds = np.array([state.seconds for _, state in samples])
        if np.diff(moments).max() > 0.1:
            raise HeldUp("the test itself was held up")
        speed, _ = np.polyfit(moments, seconds, 1)
        assert speed == pytest.approx(1.0, abs=0.05)
        assert samples[-1][1].tick == pytest.approx(seconds[-1] * 960, abs=1e-3)
        assert 0.005 < samples[-1][1].latency < 0.5
        assert samples[-1][1].peak_left > 0.01

    unless_held_up(player, attempt)


def test_mute_solo_and_seek_are_heard(player, recorder):
    song = beats(24, tracks=2)

    def every_other():
        found = onsets(play_through(player, recorder, song, 2.5))
        assert len(found) >= 4
        assert np.diff(found) == pytest.approx(0.5, abs=TOLERANCE)

    player.set_mix(0, mute=True)
    unless_held_up(player, every_other)
    player.set_mix(0, mute=False, solo=True)
    unless_held_up(player, every_other)
    player.set_mix(0, solo=False)
    player.seek(5000)
    player.play()
    wait_for(lambda: player.state().playing and player.state().tick >= 5000)


def test_it_ends_with_the_song_at_its_last_tick(player):
    song = beats(3)
    player.load(song)
    player.play()
    wait_for(lambda: player.state().playing)
    wait_for(lambda: not player.state().playing)
    assert player.state().tick == song.end_tick


def test_previews_sound_at_once(player, recorder):
    recorder.start()
    player.preview(80, 76, 110, 0.1)
    recorder.wait(0.8)
    player.preview("drum", 76, 110, 0.1)
    recorder.wait(0.5)
    found = onsets(recorder.stop(), threshold=0.01)
    assert len(found) == 2


def test_the_device_is_listed_and_can_be_chosen(player):
    names = player.devices()
    assert "pulse" in names
    player.set_device("pulse")
    player.load(beats(20))
    player.play()
    wait_for(lambda: player.state().playing and player.state().tick > 240)
    assert player.state().status == ""
    player.set_device("no such device")
    wait_for(lambda: 'The output "no such device" is not there' in player.state().status)


def test_a_killed_sound_process_comes_back_and_plays_on(player):
    player.load(beats(60))
    player.play()
    wait_for(lambda: player.state().tick > 480)
    old = player._process.pid
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: player._process.pid != old)
    wait_for(lambda: player.state().playing and player.state().tick > 960)


def test_it_ends_without_leaving_a_process(recorder, font):
    player = Player(soundfont=font)
    player.start()
    pid = player._process.pid
    player.close()
    player.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert player.state().status == "The player is not started"


def test_a_buffer_too_short_for_the_computer_is_doubled_in_the_next_pause(player):
    """The dropouts are made up; that the stream then runs with twice the buffer is real."""
    before = player.state().latency
    player._do("__setattr__", "dropouts", 10)
    wait_for(lambda: player.state().latency > 1.5 * before)
    player.load(beats(20))
    player.play()
    wait_for(lambda: player.state().tick > 240)
    assert player.state().status == ""


def test_a_short_buffer_is_given_up_soon_even_while_it_plays(player):
    before = player.state().latency
    player.load(beats(400))
    player.play()
    wait_for(lambda: player.state().tick > 240)
    player._do("__setattr__", "dropouts", player.state().dropouts + 5)
    wait_for(lambda: player.state().latency > 1.5 * before)
    tick = player.state().tick
    wait_for(lambda: player.state().tick > tick + 240)


def test_without_a_device_the_clock_goes_on_and_says_why_it_is_silent(no_device, font):
    with Player(soundfont=font) as player:
        player.load(beats(20))
        player.play()
        wait_for(lambda: player.state().tick > 480)
        assert "No audio output could be opened; playing silently" in player.state().status
        first, began = player.state().seconds, time.monotonic()
        time.sleep(3)
        passed = time.monotonic() - began
        # The clock catches up with what it was late by; the rest is the time between two readings.
        assert player.state().seconds - first == pytest.approx(passed, rel=0.1)
        assert player.devices() == []


def test_a_wrong_font_is_said_and_another_one_sounds(recorder, tmp_path):
    path = tmp_path / "broken.sf2"
    path.write_bytes(b"not a font")
    with Player(soundfont=path) as player:
        wait_for(lambda: player.state().status)
        assert "broken.sf2 is not a soundfont" in player.state().status
        player.preview(0, 60)
        wait_for(lambda: player.state().peak_left > 0.001)


def test_a_device_that_is_lost_is_said_and_time_goes_on(own_server, font):
    with Player(soundfont=font) as player:
        player.load(beats(400))
        player.play()
        wait_for(lambda: player.state().tick > 240)
        own_server.terminate()
        own_server.wait(10)
        wait_for(lambda: "output is gone" in player.state().status or "No audio" in player.state().status)
        tick = player.state().tick
        wait_for(lambda: player.state().tick > tick + 480)


def test_a_device_that_comes_back_is_played_through_again(own_server, returning_server, font):
    with Player(soundfont=font) as player:
        wait_for(lambda: player.state().latency > 0)
        own_server.terminate()
        own_server.wait(10)
        wait_for(lambda: player.state().status)
        recorder = returning_server()
        wait_for(lambda: not player.state().status)
        recorder.start()
        player.preview(80, 76, 110, 0.2)
        recorder.wait(0.5)
        assert len(onsets(recorder.stop())) == 1
