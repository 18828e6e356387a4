"""The chorale benchmark on tiny chorales of our own: proper chances, no looking ahead, and it learns."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import Cancelled, TunesmithError
from core.learn import chorales, chorales_floors, chorales_network, chorales_report
from core.learn.chorales import Chorale, Plan
from core.learn.chorales_network import (
    LOWEST,
    REST,
    START,
    TOKENS,
    ChoraleLibrary,
    ChoraleNetwork,
    Shape,
    clues_of,
    token_nats,
    tokens_of,
)
from core.song.midi_file import write_midi
from core.song.notes import Song, Track, make_notes

SMALL = Shape(hidden=16, layers=2, head=16)
CLUES = ("last", "place", "held", "motion", "root", "phase", "then", "match", "ahead", "heard")
CHORDS = np.array([[72, 67, 64, 48], [72, 69, 65, 53], [71, 67, 62, 55], [72, 67, 64, 48]])


def chorale(seed: int, beats: int = 12) -> np.ndarray:
    """Chords of four sixteenths, with a passing note here and there and one rest."""
    chance = np.random.default_rng(seed)
    grid = np.repeat(CHORDS[chance.integers(0, 4, beats)], 4, axis=0) + chance.integers(-3, 3)
    for beat in range(0, beats - 1, 3):
        grid[4 * beat + 2 : 4 * beat + 4, beat % 4] += 2
    grid[8:10, 1] = -1
    return grid


def song_of(grid: np.ndarray) -> Song:
    """Every step a note of its own: held and struck again must read the same."""
    steps, voices = np.nonzero(grid >= 0)
    notes = make_notes(steps * 120, 120, grid[steps, voices], 80, voices)
    return Song(notes, tuple(Track(name, 52, i) for i, name in enumerate(chorales_network.VOICES)))


def network(seed: int = 0, shape: Shape = SMALL) -> ChoraleNetwork:
    """With weights that say something: freshly made ones are close to silent."""
    torch.manual_seed(seed)
    made = ChoraleNetwork(shape).eval()
    with torch.no_grad():
        for output in (*made.outputs, *made.vertical):
            output.weight.normal_(std=0.5)
    return made


def nats_of(made: ChoraleNetwork, tokens: np.ndarray) -> np.ndarray:
    piece = Chorale.of(tokens)
    with torch.no_grad():
        return token_nats(made, *chorales.batch_of([piece])).double().numpy()


def write_folder(folder: Path) -> Path:
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        (folder / split).mkdir(parents=True)
        for number in range(count):
            write_midi(song_of(chorale(number)), folder / split / f"{number}.mid")
    return folder


def test_files_are_read_as_steps_of_four_voices_with_rests(tmp_path: Path) -> None:
    read = chorales.read_chorales(write_folder(tmp_path / "data"))
    assert [len(read[split]) for split in chorales.SPLITS] == [6, 2, 2]
    np.testing.assert_array_equal(read["train"][3], tokens_of(chorale(3)))
    assert (read["train"][3][8:10, 1] == REST).all()


def test_wrong_folders_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="no MIDI files in train/"):
        chorales.read_chorales(tmp_path)
    with pytest.raises(TunesmithError, match="has 1"):
        chorales.grid_of(Song(make_notes([0], 480, 60, 80), (Track("solo"),)))
    with pytest.raises(ValueError, match="can be foretold"):
        tokens_of(np.full((4, 4), LOWEST - 1))


def test_clues_tell_hand_worked_facts() -> None:
    grid = np.array([[60, 55, 52, 48]] * 3 + [[62, -1, 52, 47]] * 2 + [[64, 55, 52, 48]])
    clues = clues_of(tokens_of(grid))
    assert clues.last[0].tolist() == [START] * 4
    assert clues.held[:, 0].tolist() == [0, 1, 2, 3, 1, 2]
    assert clues.motion[4, 0] == chorales_network.LEAP + 2
    assert clues.motion[4, 3] == chorales_network.LEAP - 1
    assert clues.place[5, 1] == 55 - LOWEST
    assert clues.last[5, 1] == REST
    assert clues.root.tolist() == [12] + [(48 - LOWEST) % 12] * 5


def test_what_followed_a_likeness_is_found() -> None:
    phrase = np.repeat(np.array([[60, 55, 52, 48], [62, 55, 53, 47], [64, 60, 55, 48]]), 4, axis=0)
    clues = clues_of(tokens_of(np.vstack([phrase, phrase])))
    np.testing.assert_array_equal(clues.then[16, 0], clues.then[4 + 12, 1])
    np.testing.assert_array_equal(clues.then[20, 0].numpy(), phrase[8] - LOWEST)
    assert clues.match[20, 0] == 3 + 8 // 4
    assert (clues.then[2] == START).all()
    assert clues.ahead[16, 0].tolist() == [*(phrase[[5, 6, 8, 10, 0], 0] - LOWEST), START, START]


def test_a_likeness_in_the_library_is_found_in_any_key_and_never_in_the_piece_itself() -> None:
    pieces = [tokens_of(chorale(number)) for number in range(3)]
    library = ChoraleLibrary(pieces)
    clues = clues_of(pieces[1] + 2 * (pieces[1] < REST), library)
    moved = np.where(pieces[1] < REST, pieces[1] + 2, REST)
    np.testing.assert_array_equal(clues.then[20:, 3], moved[20:])
    assert clues.match[20, 3] == 3 + 20 // 4
    np.testing.assert_array_equal(clues.ahead[20, 1], moved[[21, 22, 24, 26, 28, 32, 36], 0])
    own = clues_of(pieces[1], library, own=1)
    without = clues_of(pieces[1], ChoraleLibrary([pieces[0], pieces[2]]))
    for name in CLUES:
        assert torch.equal(getattr(own, name), getattr(without, name)), name


def test_clues_know_only_what_came_before() -> None:
    tokens = tokens_of(chorale(1))
    library = ChoraleLibrary([tokens_of(chorale(number)) for number in range(4)])
    whole = clues_of(tokens, library)
    for cut in (1, 9, 10, 33):
        changed = tokens.copy()
        changed[cut:] = (changed[cut:] + 5) % TOKENS
        other = clues_of(changed, library)
        for name in CLUES:
            assert torch.equal(getattr(whole, name)[: cut + 1], getattr(other, name)[: cut + 1])


@pytest.mark.parametrize("order", [(0, 3, 1, 2), (3, 2, 1, 0)])
def test_a_later_token_never_changes_an_earlier_ones_chance(order: tuple[int, ...]) -> None:
    made = network(shape=Shape(16, 2, 16, order))
    tokens = tokens_of(chorale(2))
    before = nats_of(made, tokens)
    for step, turn in ((0, 0), (0, 2), (13, 0), (13, 1), (13, 2), (13, 3), (47, 1)):
        changed = tokens.copy()
        changed[step, order[turn]] = (changed[step, order[turn]] + 7) % TOKENS
        after = nats_of(made, changed)
        np.testing.assert_array_equal(after[:step], before[:step])
        np.testing.assert_array_equal(after[step, list(order[:turn])], before[step, list(order[:turn])])
        assert after[step, order[turn]] != before[step, order[turn]]
        if turn < 3:
            assert (after[step, list(order[turn + 1 :])] != before[step, list(order[turn + 1 :])]).all()


def test_chances_of_all_continuations_sum_to_one() -> None:
    """By the chain rule, over all 61 x 61 pairs of tokens of the two voices named last."""
    made = network()
    tokens = tokens_of(chorale(0))[:5]
    third, fourth = made.shape.order[2:]
    pairs = torch.tensor(list(product(range(TOKENS), repeat=2)))
    tried = torch.from_numpy(tokens).expand(len(pairs), -1, -1).clone()
    tried[:, 4, third], tried[:, 4, fourth] = pairs.T
    clues = chorales_network.stacked([clues_of(tokens)] * len(pairs))
    with torch.no_grad():
        nats = token_nats(made, clues, tried, (torch.arange(5) == 4).expand(len(pairs), -1)).double()
    assert torch.exp(-nats[:, third] - nats[:, fourth]).sum() == pytest.approx(1, abs=1e-5)


def test_every_way_is_what_each_order_says() -> None:
    made = network()
    batch = chorales.batch_of([Chorale.of(tokens_of(chorale(1)))])
    with torch.no_grad():
        ways = made.every_way(*batch)
        for order in ((0, 3, 1, 2), (2, 1, 0, 3), (3, 2, 1, 0)):
            nats = token_nats(made, *batch, order)
            for turn, voice in enumerate(order):
                before = sum(2**other for other in order[:turn])
                np.testing.assert_allclose(ways[:, voice, before], -nats[:, voice], atol=1e-5)


def test_a_mean_over_orders_sums_to_one_over_all_outcomes() -> None:
    """Four voices of two tokens each; every voice's chance after every set of others drawn freely."""
    torch.manual_seed(0)
    first = torch.rand(4, *[3] * 4)  # chance of token 0 after others that are 0, 1, or not named (2)
    total = 0.0
    for outcome in product((0, 1), repeat=4):
        chances = torch.zeros(4, 16)
        for voice in range(4):
            for named in range(16):
                seen = [outcome[v] if named >> v & 1 and v != voice else 2 for v in range(4)]
                chance = first[(voice, *seen)]
                chances[voice, named] = (chance if outcome[voice] == 0 else 1 - chance).log()
        total += float(chorales_network.order_mixture(chances).exp())
    assert total == pytest.approx(1, abs=1e-5)


def test_the_figure_does_not_depend_on_the_company_in_a_batch() -> None:
    made = network()
    pieces = [Chorale.of(tokens_of(chorale(n, beats))) for n, beats in ((0, 12), (1, 5), (2, 9))]
    together = chorales.measure(made, pieces)
    alone = [nats_of(made, piece.tokens.numpy()) for piece in pieces]
    assert together["nats"] == pytest.approx(np.concatenate(alone).mean(), rel=1e-5)


def test_a_transposed_chorale_has_the_clues_of_its_transposed_tokens() -> None:
    library = ChoraleLibrary([tokens_of(chorale(number)) for number in range(4)])
    piece = Chorale.of(tokens_of(chorale(4)), library)
    moved = piece.transposed(3)
    anew = Chorale.of(moved.tokens.numpy(), library)
    for name in CLUES:
        assert torch.equal(getattr(moved.clues, name), getattr(anew.clues, name))


def test_transpositions_stay_in_the_voices_ranges() -> None:
    pieces = [Chorale.of(tokens_of(chorale(n))) for n in range(4)]
    lowest, highest = chorales.ranges(pieces)
    for piece in pieces:
        for shift in chorales.room(piece, lowest, highest):
            low, high = chorales.ranges([piece.transposed(shift)])
            assert (low >= lowest).all()
            assert (high <= highest).all()


def test_a_tiny_piece_is_learnt_by_heart() -> None:
    piece = Chorale.of(tokens_of(chorale(5)))
    quiet = Shape(24, 1, 24, input_dropout=0, dropout=0, head_dropout=0)
    plan = Plan(quiet, epochs=60, batch=1, rate=2e-2, decay=0, average=0.5, check=20)
    figures: list[dict[str, float]] = []
    learnt = chorales.train([piece], [piece], plan, report=figures.append)
    assert chorales.measure(learnt, [piece])["nats"] < 0.02
    assert [row["epoch"] for row in figures] == [20, 40, 60]


def test_training_can_be_cancelled() -> None:
    piece = Chorale.of(tokens_of(chorale(5)))
    with pytest.raises(Cancelled):
        chorales.train([piece], [piece], Plan(SMALL), cancelled=lambda: True)


def test_the_floors_count_what_they_say() -> None:
    grids = [tokens_of(chorale(n)) for n in range(6)]
    repeat = chorales_floors.measure_repeat(grids)["accuracy"]
    assert repeat == pytest.approx(np.mean([(g[1:] == g[:-1]).mean() for g in grids]))
    ngram = chorales_floors.measure_ngram(grids, grids)
    assert ngram["accuracy"] > repeat
    assert ngram["nats"] < np.log(TOKENS) / 4


def test_the_recipe_leaves_a_table_weights_and_a_curve_and_resumes(tmp_path: Path) -> None:
    data, out = write_folder(tmp_path / "data" / "jsb_chorales").parent, tmp_path / "out"
    quick = Plan(SMALL, epochs=2, batch=4, check=1)
    figures = chorales_report.learn_chorales(data=data, out=out, plan=quick)
    seeds = [figures[f"seed {seed}"]["test_nats"] for seed in chorales_report.SEEDS]
    assert len(set(seeds)) == 3
    assert figures["network"]["test_nats"] == pytest.approx(np.mean(seeds))
    assert figures["network"]["test_nats_sd"] == pytest.approx(np.std(seeds, ddof=1))
    assert figures["3 networks"]["test_nats"] <= np.mean(seeds), "by Jensen's inequality"
    mixed = [figures[f"seed {seed}, mean over orders"]["test_nats"] for seed in chorales_report.SEEDS]
    assert figures["network, mean over orders"]["test_nats"] == pytest.approx(np.mean(mixed))
    assert (out / "chorales-curve.png").read_bytes()[:4] == b"\x89PNG"
    assert f"{np.mean(seeds):.3f} ± " in (out / "chorales.md").read_text(encoding="utf-8")
    again = chorales_report.learn_chorales(data=data, out=out, plan=quick, resume=True)
    assert again["network"] == pytest.approx(figures["network"])


def test_a_recipe_without_data_says_what_to_give() -> None:
    with pytest.raises(TunesmithError, match="--data FOLDER"):
        chorales_report.learn_chorales(data=None)
