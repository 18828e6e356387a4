import json

import numpy as np
import pytest

from core.errors import TunesmithError
from core.store.atomic import UNFINISHED
from core.store.model_file import find_models, load_card, load_model, save_model

TENSORS = {
    "embedding": np.arange(12, dtype=np.float32).reshape(3, 4),
    "steps": np.array(7, np.int64),
    "half": np.ones((2, 1, 3), np.float16),
}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "models" / "tiny.safetensors"
    path.parent.mkdir()
    save_model(path, TENSORS, {"room": "compose", "licence": "MIT", "layers": [1, 2]})
    return path


def test_weights_and_card_come_back(model):
    tensors, card = load_model(model)
    assert tensors.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == array.dtype
        assert tensors[name].flags.writeable
    assert card["name"] == "tiny"
    assert card["parameters"] == 12 + 1 + 6
    assert card["bytes"] == model.stat().st_size
    assert card["layers"] == [1, 2]
    assert card["tensors"]["embedding"] == {"shape": [3, 4], "type": "float32"}


@pytest.mark.parametrize("name", ["tiny", "tiny.json", "tiny.safetensors"])
def test_a_model_is_named_by_either_file_or_neither(model, name):
    assert load_card(model.parent / name)["room"] == "compose"
    assert load_model(model.parent / name)[1]["room"] == "compose"


def test_the_card_may_count_parameters_itself(tmp_path):
    assert save_model(tmp_path / "packed", TENSORS, {"parameters": 5})["parameters"] == 5


def test_a_dotted_name_is_kept_whole(tmp_path):
    save_model(tmp_path / "net-1.5", TENSORS, {})
    assert load_model(tmp_path / "net-1.5")[1]["name"] == "net-1.5"


def test_every_flipped_byte_of_the_weights_is_noticed(model):
    data = model.read_bytes()
    for position in range(0, len(data), 7):
        model.write_bytes(data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :])
        with pytest.raises(TunesmithError, match="checksum"):
            load_model(model)


def test_a_cut_copy_is_noticed_before_it_is_read(model):
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(TunesmithError, match="the copy is incomplete: install the model again"):
        load_model(model)


def test_a_header_that_claims_a_petabyte_is_an_error_not_an_allocation(model):
    import hashlib

    header = json.dumps({"a": {"dtype": "F32", "shape": [2**48], "data_offsets": [0, 2**50]}}).encode()
    data = len(header).to_bytes(8, "little") + header
    card = load_card(model) | {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    model.write_bytes(data)
    model.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(TunesmithError, match="cannot be read"):
        load_model(model)


def test_shapes_that_differ_from_the_card_are_noticed(model):
    card = load_card(model)
    card["tensors"]["embedding"]["shape"] = [4, 3]
    model.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(TunesmithError, match="differ in name, shape or type"):
        load_model(model)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "is damaged"),
        (b"[1]", "is damaged"),
        (b"\xff", "is damaged"),
        (b"[" * 200_000, "is damaged"),
        (b"{}", "is not a Tunesmith model card"),
        (b'{"format": 99}', "newer Tunesmith; update"),
    ],
)
def test_a_bad_card_is_told_in_one_line(model, text, told):
    model.with_suffix(".json").write_bytes(text)
    with pytest.raises(TunesmithError, match=told) as caught:
        load_model(model)
    assert "\n" not in str(caught.value)


def test_a_missing_model_is_told(tmp_path):
    with pytest.raises(TunesmithError, match="there is no model card"):
        load_model(tmp_path / "none")


def test_models_are_found_by_room_and_bad_cards_left_out(model, tmp_path):
    folder = model.parent
    save_model(folder / "ears", TENSORS, {"room": "listen"})
    (folder / "broken.json").write_text("{")
    (folder / f".ears{UNFINISHED}x.json").write_bytes((folder / "ears.json").read_bytes())
    assert [entry.name for entry in find_models(folders=[folder])] == ["ears", "tiny"]
    (entry,) = find_models("listen", folders=[folder])
    assert entry.load()[1]["room"] == "listen"
    own = tmp_path / "own"
    own.mkdir()
    save_model(own / "ears", TENSORS, {"room": "listen", "licence": "mine"})
    assert find_models("listen", folders=[folder, own])[0].card["licence"] == "mine"


def test_saving_again_replaces_both_files(model):
    save_model(model, {"one": np.zeros(2, np.float32)}, {"room": "explore"})
    tensors, card = load_model(model)
    assert list(tensors) == ["one"]
    assert card["room"] == "explore"
    assert sorted(path.name for path in model.parent.iterdir()) == ["tiny.json", "tiny.safetensors"]
