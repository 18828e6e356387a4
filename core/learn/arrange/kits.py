"""Drum patterns by rule, for styles and meters that no human bars are at hand for. Data only."""

from __future__ import annotations

KICK, SNARE, STICK, CLOSED, PEDAL, OPEN = 36, 38, 37, 42, 44, 46
CRASH, RIDE, LOW_TOM, MIDDLE_TOM, HIGH_TOM = 49, 51, 43, 45, 48

KITS: dict[str, dict[tuple[int, int], tuple[dict[int, str], ...]]] = {
    "rock": {
        (4, 4): (
            {CLOSED: "x.o.x.o.x.o.x.o.", SNARE: "....X.......X...", KICK: "X.......x......."},
            {CLOSED: "X.x.X.x.X.x.X.x.", SNARE: "....X.......X...", KICK: "X.....x.x.x....."},
            {RIDE: "X.x.X.x.X.x.X.x.", SNARE: "....X..o.o..X...", KICK: "X..x..x.x.x...x."},
        ),
        (3, 4): (
            {CLOSED: "x.o.x.o.x.o.", STICK: "........x...", KICK: "X..........."},
            {CLOSED: "X.x.X.x.X.x.", SNARE: "....x...X...", KICK: "X.....x....."},
        ),
        (6, 8): (
            {CLOSED: "x.o.o.x.o.o.", SNARE: "......X.....", KICK: "X..........."},
            {CLOSED: "X.x.x.X.x.x.", SNARE: "......X.....", KICK: "X...x.....x."},
        ),
    },
    "ballad": {
        (4, 4): (
            {CLOSED: "x...o...x...o...", STICK: "....x.......x...", KICK: "X.......x......."},
            {CLOSED: "x.o.x.o.x.o.x.o.", SNARE: "....x.......x...", KICK: "X......xx......."},
        ),
        (3, 4): (
            {CLOSED: "x...o...o...", KICK: "X...........", STICK: "........x..."},
            {RIDE: "x...x.o.x...", KICK: "X...........", SNARE: "........x..."},
        ),
        (6, 8): (
            {CLOSED: "x.o.o.x.o.o.", STICK: "......x.....", KICK: "X..........."},
            {CLOSED: "X.o.o.x.o.o.", SNARE: "......X.....", KICK: "X.........x."},
        ),
    },
    "metal": {
        (4, 4): (
            {OPEN: "X...X...X...X...", SNARE: "....X.......X...", KICK: "X.x.x.x.X.x.x.x."},
            {RIDE: "X.X.X.X.X.X.X.X.", SNARE: "..X...X...X...X.", KICK: "X...X...X...X..."},
            {CRASH: "X...X...X...X...", SNARE: "....X.......X...", KICK: "XxxxxxxxXxxxxxxx"},
        )
    },
    "funk": {
        (4, 4): (
            {CLOSED: "x.x.x.x.x.x.x.x.", SNARE: "....X..o.o..X..o", KICK: "X.x.......x....."},
            {
                CLOSED: "X.xxX.xxX.xxX.x.",
                SNARE: "....X..o.o.oX..o",
                KICK: "X.x...x...x..x..",
                OPEN: "..............x.",
            },
        )
    },
    "soul": {
        (4, 4): (
            {CLOSED: "x.x.x.x.x.x.x.x.", SNARE: "....X.......X...", KICK: "X......x..x....."},
            {CLOSED: "X.x.X.x.X.x.X.x.", SNARE: "....X..o.o..X...", KICK: "X..x...x..x....."},
        ),
        (6, 8): ({CLOSED: "X.x.x.X.x.x.", SNARE: "......X.....", KICK: "X...x.....x."},),
    },
    "swing": {
        (4, 4): (
            {RIDE: "X...x.o.x...x.o.", PEDAL: "....x.......x...", KICK: "o.......o......."},
            {
                RIDE: "X...X.x.x...X.x.",
                PEDAL: "....x.......x...",
                SNARE: "......o.....o...",
                KICK: "o...o...o...o...",
            },
            {
                RIDE: "X...X.x.X...X.x.",
                PEDAL: "....x.......x...",
                SNARE: "..o...x...o...x.",
                KICK: "x.....x...x.....",
            },
        ),
        (3, 4): (
            {RIDE: "X...x.o.x...", PEDAL: "....x.......", KICK: "o..........."},
            {RIDE: "X...x.o.x.o.", PEDAL: "....x...x...", SNARE: "......o.....", KICK: "x.......o..."},
        ),
    },
    "bossa": {
        (4, 4): (
            {CLOSED: "x.o.x.o.x.o.x.o.", STICK: "x.....x.....x...", KICK: "X.....x.X.....x."},
            {CLOSED: "xoxoxoxoxoxoxoxo", STICK: "x.....x...x.....", KICK: "X.....x.X.....x."},
        )
    },
    "salsa": {
        (4, 4): (
            {56: "x...x.x.x...x.x.", STICK: "x.....x.....x...", KICK: "......x.....x..."},
            {
                56: "X.x.x.x.X.x.x.x.",
                76: "x.....x...x.....",
                63: "..o...x...o.....",
                64: "............x.x.",
                KICK: "......x.....x...",
            },
        )
    },
    "onedrop": {
        (4, 4): (
            {CLOSED: "x.o.x.o.x.o.x.o.", STICK: "........X.......", KICK: "........X......."},
            {CLOSED: "x.x.x.x.x.x.x.xo", SNARE: "........X.....o.", KICK: "........X......."},
            {CLOSED: "x.x.x.x.x.x.x.x.", SNARE: "........X.......", KICK: "X...x...X...x..."},
        )
    },
    "hiphop": {
        (4, 4): (
            {CLOSED: "x.x.x.x.x.x.x.x.", SNARE: "....X.......X...", KICK: "X.....x..x......"},
            {CLOSED: "x.xxx.x.x.xxx.xx", 39: "....X.......X...", KICK: "X..x......x..x.."},
        )
    },
    "house": {
        (4, 4): (
            {KICK: "X...X...X...X...", CLOSED: "..x...x...x...x."},
            {KICK: "X...X...X...X...", OPEN: "..x...x...x...x.", 39: "....X.......X..."},
            {
                KICK: "X...X...X...X...",
                OPEN: "..X...X...X...X.",
                39: "....X.......X...",
                CLOSED: "xx.xxx.xxx.xxx.x",
            },
        )
    },
    "train": {
        (4, 4): (
            {SNARE: "o.o.x.o.o.o.x.o.", KICK: "X.......X......."},
            {SNARE: "ooxoXoxoooxoXoxo", KICK: "X.......X......."},
        ),
        (3, 4): (
            {STICK: "....x...x...", KICK: "X..........."},
            {CLOSED: "x.o.x.o.x.o.", SNARE: "....x...x...", KICK: "X..........."},
        ),
        (6, 8): ({CLOSED: "x.o.o.x.o.o.", SNARE: "......X.....", KICK: "X.........x."},),
    },
    "folk": {
        (4, 4): (
            {54: "....x.......x...", KICK: "X.......x......."},
            {54: "x.o.X.o.x.o.X.o.", SNARE: "....o.......o.o.", KICK: "X.......X......."},
        ),
        (3, 4): ({54: "....o...o...", KICK: "x..........."}, {54: "o...x...x...", KICK: "X.........o."}),
        (6, 8): (
            {54: "x...o.x...o.", KICK: "X.....x....."},
            {54: "X.o.x.X.o.x.", KICK: "X.....X...x.", SNARE: "......o....."},
        ),
    },
    "waltz": {
        (3, 4): (
            {KICK: "x...........", CLOSED: "....o...o..."},
            {KICK: "X...........", SNARE: "....o...o...", CLOSED: "....x...x..."},
        )
    },
    "shuffle": {
        (4, 4): (
            {CLOSED: "x.o.x.o.x.o.x.o.", SNARE: "....X.......X...", KICK: "X.......x......."},
            {RIDE: "X.x.X.x.X.x.X.x.", SNARE: "..o.X.o...o.X.o.", KICK: "X.....x.X......."},
        ),
        (6, 8): ({CLOSED: "X.x.x.X.x.x.", SNARE: "......X.....", KICK: "X...x.....x."},),
    },
}
"""Kits by name and meter, from calm to full: drum to pattern (see `patterns`)."""

FILLS: dict[tuple[int, int], tuple[dict[int, str], ...]] = {
    (4, 4): (
        {SNARE: "............X.xX"},
        {SNARE: "........XxX.....", HIGH_TOM: "............Xx..", LOW_TOM: "..............Xx"},
        {
            SNARE: "........x.x.....",
            HIGH_TOM: "...........xX...",
            MIDDLE_TOM: "............xx..",
            LOW_TOM: "..............XX",
        },
        {SNARE: "..........oxxXXX", KICK: "........x......."},
    ),
    (3, 4): (
        {
            SNARE: "......x.X.x.",
        },
        {SNARE: "......x.....", HIGH_TOM: "........X...", LOW_TOM: "..........X."},
    ),
    (6, 8): (
        {
            SNARE: "......x.x.X.",
        },
        {SNARE: "......X.....", HIGH_TOM: "........X...", LOW_TOM: "..........X."},
    ),
}
