"""What is measured of a finished variant, away from the GUI thread and never while something is composed."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QObject

from core.errors import TunesmithError
from core.song.harmony import Key, in_key_share, parse_key, pitched_notes
from core.song.measures import measure
from core.song.notes import Song
from desktop.compose.session import ComposeSession, Variant
from desktop.jobs import Job, Jobs, Task

log = logging.getLogger(__name__)

LANE = "facts"

Facts = dict[str, Any]
Measure = Callable[[Song, Song, Callable[[], bool]], Facts]


def aspects(song: Song, whole: Song, cancelled: Callable[[], bool]) -> Facts:
    """The six aspects: key, dynamics, meter, structure, tempo, chords."""
    facts = dict(measure(song))
    if whole.keys:
        # What was asked for counts, not what the notes would suggest by themselves.
        key = Key(whole.keys[-1].tonic, whole.keys[-1].mode)
        facts |= {"key": key.name, "in_key_share": in_key_share(pitched_notes(song), key)}
    return facts


def originality(song: Song, whole: Song, cancelled: Callable[[], bool]) -> Facts:
    """The longest run of notes that the music learnt from has too."""
    from core.compose.originality import check

    found = check(song)
    return {
        "longest_match": found.longest_match_notes,
        "match_source": found.longest_match_source,
        "share_copied": found.share_copied,
    }


def likelihood(song: Song, whole: Song, cancelled: Callable[[], bool]) -> Facts:
    """How likely the flagship finds the song, in nats a note."""
    from core.compose.insight import log_likelihood

    return {"log_likelihood": log_likelihood(whole, cancelled=cancelled)}


def style(song: Song, whole: Song, cancelled: Callable[[], bool]) -> Facts:
    """The style that the classifier hears in it."""
    from core.listen.style import name_style

    name, share = name_style(whole)[0]
    return {"style": name, "style_share": share}


MEASURES: tuple[Measure, ...] = (aspects, style, originality, likelihood)
"""In the order of their cost; what cannot be measured of a song, or on this machine, is left out."""


class FactFinder(QObject):
    """Measures the session's variants as they are finished: the cheap facts of all of them first."""

    def __init__(
        self,
        session: ComposeSession,
        jobs: Jobs,
        measures: Sequence[Measure] = MEASURES,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._jobs, self._measures = session, jobs, measures
        self._waiting: list[tuple[int, int, Variant]] = []
        """(place of the measure, number of the variant, variant): a heap."""
        self._asked: set[int] = set()
        self._job: Job | None = None
        self._now: tuple[int, int, Variant] | None = None
        session.updated.connect(self._updated)
        session.busy_changed.connect(self._busy_changed)

    def _updated(self, variant: Variant) -> None:
        if variant.state == "done" and variant.number not in self._asked:
            self._asked.add(variant.number)
            for place in range(len(self._measures)):
                heapq.heappush(self._waiting, (place, variant.number, variant))
            self._next()

    def _busy_changed(self, busy: bool) -> None:
        if busy and self._job is not None and self._now is not None:
            heapq.heappush(self._waiting, self._now)
            self._jobs.cancel(self._job)
        self._next()

    def _next(self) -> None:
        while self._waiting and self._job is None and not self._session.busy:
            self._now = heapq.heappop(self._waiting)
            variant = self._now[-1]
            own, whole = variant.own, variant.song
            if variant in self._session.variants and own is not None and whole is not None and len(own.notes):
                self._start(variant, self._measures[self._now[0]], own, whole)

    def _start(self, variant: Variant, measure: Measure, own: Song, whole: Song) -> None:
        def work(task: Task) -> Facts:
            try:
                return measure(own, whole, task.cancelled)
            except (TunesmithError, ImportError):
                return {}

        def found(facts: Facts) -> None:
            self._job = None
            if facts:
                variant.facts |= facts
                self._session.updated.emit(variant)
            self._next()

        self._job = self._jobs.run(
            LANE, "Measuring", work, on_success=found, on_failure=self._failed, on_cancelled=self._failed,
            quiet=True,
        )  # fmt: skip

    def _failed(self, error: Exception | None = None) -> None:
        if error is not None:
            log.warning("a result could not be measured", exc_info=error)
        self._job = None
        self._next()


def headline(facts: Facts) -> str:
    """The facts that matter most, in one line."""
    parts = []
    if "key" in facts:
        parts.append(f"{_short_key(facts['key'])} {100 * facts['in_key_share']:.0f} %")
    if facts.get("style"):
        parts.append(f"like {facts['style']}")
    if "longest_match" in facts:
        parts.append(f"copies {facts['longest_match']}" if facts["longest_match"] else "no copy")
    if "log_likelihood" in facts:
        parts.append(f"{facts['log_likelihood']:.2f} nats")
    return " · ".join(parts)


def details(facts: Facts) -> list[tuple[str, str]]:
    """Every fact as (what, how much), for people."""
    lines = []
    if "key" in facts:
        lines += [
            ("Key", f"{facts['key']}, {100 * facts['in_key_share']:.0f} % of the notes in it"),
            ("Dynamics", f"range {facts['velocity_range']:.0f}, spread {facts['velocity_std']:.1f}"),
            ("Meter", f"{facts['meter']}, {100 * facts['meter_confidence']:.0f} % sure"),
            ("Structure", f"{100 * facts['structure']:.0f} % of the bars come back"),
            ("Tempo", f"{100 * facts['tempo_stability']:.0f} % steady"),
            ("Chords", f"{100 * facts['chord_share']:.0f} % of the time, {facts['polyphony']:.1f} notes at once"),
        ]  # fmt: skip
    if "longest_match" in facts:
        source = f", from {facts['match_source']}" if facts.get("match_source") else ""
        lines.append(
            (
                "Longest copy",
                f"{facts['longest_match']} notes{source}; {100 * facts['share_copied']:.0f} % copied",
            )
        )
    if "log_likelihood" in facts:
        lines.append(("Likelihood", f"{facts['log_likelihood']:.2f} nats a note (nearer 0: more usual)"))
    if facts.get("style"):
        lines.append(("Sounds like", f"{facts['style']}, {100 * facts.get('style_share', 0):.0f} % sure"))
    return lines


def _short_key(name: str) -> str:
    """The shortest name: "D minor" -> "Dm", "F major" -> "F"; other modes as they are."""
    try:
        key = parse_key(name)
    except TunesmithError:
        return name
    tonic = name.split()[0]
    return {"major": tonic, "minor": f"{tonic}m"}.get(key.mode, name)
