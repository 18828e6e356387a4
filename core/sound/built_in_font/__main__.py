"""Write the built-in soundfont: `python -m core.sound.built_in_font OUT.sf2`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from core.sound.built_in_font.build import build


def main() -> None:
    """Read the command line, build, write."""
    parser = argparse.ArgumentParser(prog="python -m core.sound.built_in_font", description=__doc__)
    parser.add_argument("out", type=Path, help="the file to write, for example soundfonts/tunesmith.sf2")
    out = parser.parse_args().out
    data = build()
    part = out.with_suffix(".part")
    part.write_bytes(data)
    os.replace(part, out)
    print(f"{out}: {len(data) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
