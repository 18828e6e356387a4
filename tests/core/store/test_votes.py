"""Votes of the blind test are kept whole, and counted for what they prove."""

import pytest

from core.errors import TunesmithError
from core.store.library import Library
from core.store.votes import Contestant, Standing, Votes, wilson

OURS = Contestant("flagship", {"generator": "flagship", "seed": 7}, "TS-A")
REAL = Contestant("real", {"piece": 3, "first_bar": 4, "bars": 8}, "TS-B")


def test_a_trial_comes_back_as_it_was_voted():
    with Votes() as votes:
        number = votes.add(OURS, REAL, "second", "  more shape ")
    with Votes() as votes:
        trial = votes.trial(number)
    assert (trial.first, trial.second, trial.vote, trial.note) == (OURS, REAL, "second", "more shape")
    assert trial.held.endswith("Z")


def test_wins_count_for_the_contestant_whichever_side_it_was_heard_on():
    with Votes() as votes:
        for first, second, vote in (
            (OURS, REAL, "first"), (REAL, OURS, "second"), (REAL, OURS, "first"), (OURS, REAL, "tie"),
        ):  # fmt: skip
            votes.add(first, second, vote)
        assert votes.standings() == [Standing("flagship", "real", 2, 1, 1)]


def test_votes_lie_in_the_librarys_file():
    with Votes() as votes:
        votes.add(OURS, REAL, "tie")
    with Library() as library, Votes() as votes:
        assert library.count() == 0
        assert len(votes.trials()) == 1


# By scipy 1.17, binomtest(wins, trials).proportion_ci(method="wilson"); the last is in Newcombe 1998, table I, too.
@pytest.mark.parametrize(
    ("wins", "trials", "interval"),
    [
        (0, 10, (0.0, 0.2775327998628892)),
        (5, 10, (0.2365930905125640, 0.7634069094874360)),
        (8, 10, (0.4901624715366418, 0.9433178485456247)),
        (81, 263, (0.2552885198782742, 0.3662095769828000)),
    ],
)
def test_the_interval_is_wilsons(wins, trials, interval):
    assert wilson(wins, trials) == pytest.approx(interval, abs=1e-9)


def test_of_no_votes_nothing_is_known():
    assert wilson(0, 0) == (0.0, 1.0)
    assert Standing("a", "b", 0, 0, 3).verdict == "not decided yet"


def test_the_verdict_waits_until_chance_is_ruled_out():
    assert Standing("a", "b", 5, 1, 0).verdict == "not decided yet"
    assert Standing("a", "b", 9, 1, 0).verdict == "a is liked better"
    assert Standing("a", "b", 1, 9, 0).verdict == "b is liked better"


def test_what_is_no_vote_is_refused():
    with Votes() as votes:
        with pytest.raises(TunesmithError, match="a vote is first, second, tie"):
            votes.add(OURS, REAL, "A")
        with pytest.raises(TunesmithError, match="cannot compete with itself"):
            votes.add(OURS, OURS, "first")
        with pytest.raises(TunesmithError, match="there is no trial 9"):
            votes.trial(9)
        assert not votes.trials()
