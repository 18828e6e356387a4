"""A song as a few compressed bytes, with nothing lost: how the library keeps pieces.

Format: zlib over the length of a JSON text (4 bytes), that text (the song's frame and the length of each array of
`core.store.song_parts.ARRAYS`), then the arrays' bytes.
"""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np

from core.errors import TunesmithError
from core.song.notes import Song
from core.store.song_parts import ARRAYS, song_from_parts, song_parts

TEXT_LENGTH = struct.Struct("<I")
LARGEST_SONG = 512 << 20


def pack_song(song: Song) -> bytes:
    """The song as bytes; the same song gives the same."""
    frame, arrays = song_parts(song)
    head = {"frame": frame, "lengths": {name: len(arrays[name]) for name in ARRAYS}}
    text = json.dumps(head, sort_keys=True).encode()
    whole = (arrays[name].tobytes() for name in ARRAYS)
    return zlib.compress(b"".join([TEXT_LENGTH.pack(len(text)), text, *whole]))


def unpack_song(data: bytes) -> Song:
    """The song that `pack_song` was given.

    Raises
    ------
    TunesmithError
        where the bytes are damaged or no song's
    """
    try:
        whole = zlib.decompressobj().decompress(data, LARGEST_SONG)
        (length,) = TEXT_LENGTH.unpack_from(whole)
        at = TEXT_LENGTH.size + length
        head = json.loads(whole[TEXT_LENGTH.size : at])
        arrays = {}
        for name, dtype in ARRAYS.items():
            end = at + head["lengths"][name] * dtype.itemsize
            arrays[name] = np.frombuffer(whole[at:end], dtype)
            if len(arrays[name]) != head["lengths"][name]:
                raise ValueError(f"{name} is cut off")
            at = end
        return song_from_parts(head["frame"], arrays)
    except (zlib.error, struct.error, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise TunesmithError(f"the piece is damaged ({' '.join(str(error).split())})") from error
