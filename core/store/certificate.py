"""The certificate of a claim: JSON that can be checked, or PDF that can be framed, with the JSON attached."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from core.store.atomic import write_bytes_atomic
from core.store.pdf import PAGE, Page
from core.store.register import Claim, save_certificate

MARGIN = 60
ROLL_HEIGHT = 170
MOST_BOXES = 20_000
WRAP = 78
LONGEST_LINE = 60


def save_pdf(path: Path, claim: Claim) -> None:
    """Write a claim as one page: who claims what, the piece's notes as a picture, and the signature."""
    statement = claim.statement
    page = Page()
    width, height = PAGE
    page.text(MARGIN, height - 90, "Certificate of claim", 26, bold=True)
    page.boxes(0.0, [(MARGIN, height - 104, width - 2 * MARGIN, 1.2)])
    seconds = statement["milliseconds"] // 1000
    rows = (
        ("Piece", claim.title),
        ("Claimed by", claim.owner),
        ("On", claim.claimed.replace("T", " ").replace("Z", " UTC")),
        ("Id", claim.id),
        (
            "Length",
            f"{seconds // 60}:{seconds % 60:02}, {statement['notes']} notes, {statement['key']}".rstrip(", "),
        ),
        ("Made by", _maker(claim)),
    )
    y = height - 140.0
    for name, value in rows:
        page.text(MARGIN, y, name, 11)
        for line in _wrapped(value, LONGEST_LINE):
            page.text(MARGIN + 90, y, line, 12, bold=name in ("Piece", "Claimed by"))
            y -= 20
    y -= ROLL_HEIGHT
    page.boxes(0.94, [(MARGIN, y, width - 2 * MARGIN, ROLL_HEIGHT)])
    page.boxes(0.15, _roll(claim, MARGIN + 6, y + 6, width - 2 * MARGIN - 12, ROLL_HEIGHT - 12))
    y -= 30
    page.text(MARGIN, y, "Signature (Ed25519)", 11, bold=True)
    details = (
        "signature   " + claim.signature,
        "public key  " + statement["public_key"],
        "notes       SHA-256 " + statement["sketch"],
    )
    for line in (part for detail in details for part in _wrapped(detail, WRAP)):
        y -= 14
        page.text(MARGIN, y, line, 9, fixed=True)
    y -= 30
    for line in (
        "The signature covers the statement in the JSON certificate, which is attached to this document.",
        "To check it:  tunesmith register check SONG --certificate CERTIFICATE.json",
        "It says who claimed these notes, with which key, and when by their own clock; no office has examined it.",
    ):
        page.text(MARGIN, y, line, 9)
        y -= 13
    text = json.dumps(claim.certificate(), indent=1, sort_keys=True, ensure_ascii=False)
    page.attach(f"{claim.id}.json", text.encode())
    write_bytes_atomic(path, page.pdf(f"Certificate {claim.id}"))


WRITERS: dict[str, Callable[[Path, Claim], None]] = {".json": save_certificate, ".pdf": save_pdf}
"""A file's ending -> what writes it."""


def _maker(claim: Claim) -> str:
    recipe = claim.statement["recipe"]
    if not recipe:
        return "not on record"
    return f"generator {recipe.get('generator', '?')}, seed {recipe.get('seed', '?')}"


def _wrapped(text: str, width: int) -> Iterator[str]:
    yield from (text[at : at + width] for at in range(0, max(len(text), 1), width))


def _roll(
    claim: Claim, x: float, y: float, width: float, height: float
) -> Iterator[tuple[float, float, float, float]]:
    """The piece's notes as boxes, time to the right and pitch upwards."""
    notes = claim.notes()
    notes = notes[:: -(-len(notes) // MOST_BOXES)]
    low, high = int(notes["pitch"].min()), int(notes["pitch"].max())
    end = max(int(notes["onset"].max()), 1)
    row = height / (high - low + 1)
    for onset, pitch in notes.tolist():
        yield x + (width - 3) * onset / end, y + row * (pitch - low), 3.0, max(min(row, 6.0) - 0.4, 0.4)
