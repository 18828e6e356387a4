"""What was found besides the verdict, in lines: tempo, key, chords, parts, melody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from core.listen.report import Report
from desktop.listen.take_over import chords_of_bars
from desktop.roll.names import pitch_name
from desktop.spectrogram.clock import duration

MOST_CHORDS = 16
MOST_PARTS = 12


@dataclass(frozen=True, slots=True)
class Fact:
    """A line: what it is about, what was found, more of it on hovering, and what of it Compose can use."""

    name: str
    text: str
    detail: str = ""
    use: str = ""


def facts_of(report: Report) -> list[Fact]:
    """The lines, those without an answer too: that nothing was found is a finding."""
    return [_tempo(report), _key(report), _chords(report), _parts(report), _melody(report)]


def _tempo(report: Report) -> Fact:
    if report.tempo_bpm is None:
        return Fact("Tempo", "no steady beat")
    beats = len(report.beats_s)
    bars = len(report.downbeats_s)
    detail = f"{beats} beats, {bars} bars" if beats else ""
    return Fact("Tempo", f"{report.tempo_bpm:.4g} bpm", detail, "tempo")


def _key(report: Report) -> Fact:
    if not report.key:
        return Fact("Key", "none found")
    sure = f" · {100 * report.key_confidence:.0f} %" if report.key_confidence else ""
    return Fact("Key", report.key + sure, "How sure the key is, in per cent", "key")


def _chords(report: Report) -> Fact:
    bars = chords_of_bars(report)
    if not bars:
        return Fact("Chords", "none found")
    more = " …" if len(bars) > MOST_CHORDS else ""
    return Fact("Chords", " ".join(bars[:MOST_CHORDS]) + more, "One entry a bar: " + " ".join(bars), "chords")


def _parts(report: Report) -> Fact:
    if not report.structure:
        return Fact("Parts", "none found")
    parts = [f"{span.label} {duration(span.start_s)}" for span in report.structure]
    more = " …" if len(parts) > MOST_PARTS else ""
    return Fact("Parts", " · ".join(parts[:MOST_PARTS]) + more, "\n".join(parts))


def _melody(report: Report) -> Fact:
    if not report.melody:
        return Fact("Melody", "none found")
    pitches = np.array([note.pitch for note in report.melody])
    low, high = (
        pitch_name(int(np.clip(round(float(each)), 0, 127))) for each in (pitches.min(), pitches.max())
    )
    common = Counter(np.round(pitches).astype(int).tolist()).most_common(1)[0][0]
    usual = pitch_name(int(np.clip(common, 0, 127)))
    count = len(pitches)
    return Fact("Melody", f"{low} to {high}, mostly {usual}", "1 note" if count == 1 else f"{count} notes")
