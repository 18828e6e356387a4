"""What tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from core.explore.score import ScoreSpace


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScoreSpace]:
    """The score embedding with weights that learnt nothing, in the place of those that ship."""
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "home"))
    import torch

    from core.explore import registry, score
    from core.explore.score_network import ScoreNetwork
    from core.store.folders import user_folder
    from core.store.model_file import save_model
    from tests.core.explore.kit import SMALL

    torch.manual_seed(4)
    network = ScoreNetwork(SMALL)
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    card = {"room": "explore", "kind": score.KIND, "shape": vars(SMALL)}
    folder = user_folder("data") / "models"
    folder.mkdir(parents=True)
    save_model(folder / score.NAME, tensors, card)
    score.load.cache_clear()
    registry.loaded.cache_clear()
    yield score.load(score.NAME)
    score.load.cache_clear()
    registry.loaded.cache_clear()
