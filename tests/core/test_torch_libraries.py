import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it does nothing")
def test_libraries_are_in_memory_before_torch_is_imported() -> None:
    program = (
        "import sys; from core.torch_libraries import preload; preload(); "
        "print('torch' in sys.modules, 'libtorch_cpu' in open('/proc/self/maps').read()); "
        "import torch; print(torch.ones(2).sum().item())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "True", "2.0"]
