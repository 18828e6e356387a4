"""Two processes under torchrun learn one network: the same weights on both, from pieces of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import hashlib, json, sys
from pathlib import Path

import numpy as np
import torch

from core.compose.encoding import piece_from_song
from core.learn import flagship
from core.learn.data import Example
from core.learn.together import count, join_others, leave_others
from core.song.harmony import Key
from core.song.notes import Song, Track, make_notes

torch.set_num_threads(1)
out = Path(sys.argv[1])
rank, together = join_others("cpu")
examples = []
for number in range(6):
    pitches = np.roll([60, 62, 64, 65, 67, 69, 71, 72] * 4, number)
    song = Song(make_notes(np.arange(32) * 240, 220, pitches, 90), (Track("tune", 73),))
    piece = piece_from_song(song, Key(0, "major"))
    examples.append(Example(piece, 0, 0, "own", str(number), "valid" if number > 3 else "train"))

made, batches = [], []
begin, learn = flagship._begun, flagship._learn
flagship._begun = lambda *given: made.append(begin(*given)) or made[-1]

def remembering(run, plan, batch, state, place):
    batches.append(hashlib.sha256(batch.columns["pitch"].tobytes()).hexdigest())
    return learn(run, plan, batch, state, place)

flagship._learn = remembering
# Short minutes: the learning rate hangs on the clock, and the clocks of two processes differ.
plan = flagship.Plan(
    minutes=0.02, hidden=16, layers=1, infill=8, streams=2, steps=24, warm_up=1,
    check_minutes=0.002, check_pieces=1,
)
flagship.train(examples, out, plan, device="cpu")
(run,) = made
checksum = hashlib.sha256()
for tensor in (*run.network.state_dict().values(),):
    checksum.update(tensor.numpy().tobytes())
told = {"rank": rank, "processes": count(), "step": run.step, "weights": checksum.hexdigest(), "batches": batches}
(out / f"rank{rank}.json").write_text(json.dumps(told))
leave_others()
"""


def test_two_processes_learn_one_network(tmp_path: Path, repository: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    answer = subprocess.run(
        [*torchrun, str(program), str(tmp_path)],
        cwd=repository,
        env={**os.environ, "PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    one, two = (json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2))
    assert one["processes"] == two["processes"] == 2
    assert one["step"] == two["step"] >= 1
    assert one["weights"] == two["weights"], "their weights drifted apart"
    assert one["batches"] != two["batches"], "both learnt from the same pieces"
    assert (tmp_path / "weights.safetensors").exists()
