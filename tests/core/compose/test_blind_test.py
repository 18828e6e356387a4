"""The blind test: one request for both, the order by lot, the same loudness, and everything to be heard again."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from core.compose import blind_test
from core.compose.blind_test import REAL, contestants, gains, prepare, replay
from core.compose.registry import GENERATORS
from core.compose.request import Request, Update
from core.errors import TunesmithError
from core.song.notes import Song, Tempo, Track, empty_notes, make_notes
from core.sound.loudness import integrated_lufs
from core.sound.render import render
from core.store.library import Library
from core.store.votes import Votes


def walk(step: int, velocity: int):
    def compose(request: Request, *, cancelled) -> Iterator[Update]:
        random = np.random.default_rng(request.seed)
        pitches = 60 + step * np.cumsum(random.integers(-1, 2, 4 * request.bars)) % 24
        notes = make_notes(np.arange(4 * request.bars) * 480, 480, pitches, velocity)
        song = Song(notes, (Track("Piano"),), tempos=(Tempo.from_bpm(0, request.tempo),))
        yield Update(0.5, notes)
        yield Update(1.0, empty_notes(), song, done=True)

    return compose


@pytest.fixture
def two(monkeypatch, tmp_path):
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path))
    pattern = next(iter(GENERATORS.values()))
    for name, step, velocity in (("soft", 1, 40), ("loud", 2, 120)):
        row = replace(pattern, name=name, styles=("pop",), compose=walk(step, velocity))
        monkeypatch.setitem(GENERATORS, name, row)
    with Library() as library:
        yield library


def test_both_answer_one_request_and_the_order_is_drawn(two):
    request = Request(style="pop", bars=4, tempo=180, instruments=("piano",))
    bouts = [prepare(("soft", "loud"), request, library=two, seed=seed) for seed in range(12)]
    firsts = [bout.first.contestant.name for bout in bouts]
    assert 2 <= firsts.count("soft") <= 10
    for bout in bouts:
        one, other = bout.first.contestant.recipe, bout.second.contestant.recipe
        assert {one["generator"], other["generator"]} == {"soft", "loud"}
        assert one | {"generator": ""} == other | {"generator": ""}
    assert len({bout.first.contestant.recipe["seed"] for bout in bouts}) == 12


def test_the_louder_side_is_turned_down_to_the_other(two):
    bout = prepare(("soft", "loud"), Request(style="pop", bars=4, tempo=180), library=two, seed=1)
    sides = {side.contestant.name: side for side in (bout.first, bout.second)}
    assert sides["soft"].gain == 1.0
    assert sides["loud"].gain < 0.7
    levels = [
        integrated_lufs(side.gain * render(side.song, peak_safe=False), 44100)
        for side in (bout.first, bout.second)
    ]
    assert levels[0] == pytest.approx(levels[1], abs=0.5)


def test_silence_is_not_amplified():
    assert gains([-20.0, float("-inf")]) == [1.0, 1.0]
    assert gains([-14.0, -20.0]) == pytest.approx([10 ** (-6 / 20), 1.0])


def test_a_trial_can_be_heard_again(two):
    two.add(
        Song(make_notes(np.arange(400) * 240, 240, 40 + np.arange(400) % 37), (Track("Old"),)), title="Old"
    )
    assert contestants(two)[-1] == REAL
    bout = prepare(("soft", REAL), Request(style="pop", bars=4), library=two, seed=5)
    real = next(side for side in (bout.first, bout.second) if side.contestant.name == REAL)
    assert len(real.song.notes) == 4 * 8
    with Votes() as votes:
        number = votes.add(bout.first.contestant, bout.second.contestant, "first")
        again = replay(votes.trial(number), two)
    assert (again.first.song, again.second.song) == (bout.first.song, bout.second.song)
    assert (again.first.gain, again.second.gain) == pytest.approx((bout.first.gain, bout.second.gain))


def test_a_replaced_model_is_noticed(two, monkeypatch):
    bout = prepare(("soft", "loud"), Request(style="pop", bars=2), library=two, seed=5)
    with Votes() as votes:
        trial = votes.trial(votes.add(bout.first.contestant, bout.second.contestant, "tie"))
    monkeypatch.setitem(GENERATORS, "soft", replace(GENERATORS["soft"], compose=walk(3, 40)))
    with pytest.raises(TunesmithError, match="soft no longer gives what was heard"):
        replay(trial, two)


def test_what_cannot_be_is_refused_in_a_line(two):
    with pytest.raises(TunesmithError, match="two different contestants"):
        prepare(("soft", "soft"), Request(), library=two, seed=1)
    with pytest.raises(TunesmithError, match="import some MIDI files"):
        prepare(("soft", REAL), Request(style="pop", bars=2), library=two, seed=1)
    assert REAL not in contestants(two)


def test_a_generator_that_lacks_the_style_chooses_its_own(two):
    bout = prepare(("soft", "loud"), Request(style="no such style", bars=2), library=two, seed=2)
    assert bout.first.contestant.recipe["style"] == ""
    assert blind_test.REAL == "real"
