"""Jobs: results come home on the GUI thread, once, and never late."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from core.errors import Cancelled
from desktop.jobs import Jobs, Task


@pytest.fixture
def jobs(qtbot: Any) -> Iterator[Jobs]:
    jobs = Jobs()
    yield jobs
    jobs.close()


def test_callbacks_run_on_the_gui_thread_in_order(jobs: Jobs, qtbot: Any) -> None:
    heard: list[tuple[str, Any, bool]] = []
    here = threading.get_ident()

    def hear(kind: str) -> Any:
        return lambda value: heard.append((kind, value, threading.get_ident() == here))

    def work(task: Task) -> int:
        assert threading.get_ident() != here
        task.progress(0.5)
        task.update("part")
        return 42

    jobs.run(
        "files",
        "Work",
        work,
        on_progress=hear("progress"),
        on_update=hear("update"),
        on_success=hear("success"),
    )
    qtbot.waitUntil(lambda: not jobs.running)
    assert heard == [("progress", 0.5, True), ("update", "part", True), ("success", 42, True)]


def test_jobs_of_a_lane_run_one_after_another(jobs: Jobs, qtbot: Any) -> None:
    order: list[int] = []
    for number in range(5):
        jobs.run("files", str(number), lambda task, number=number: (time.sleep(0.01), order.append(number)))
    qtbot.waitUntil(lambda: not jobs.running)
    assert order == [0, 1, 2, 3, 4]


def test_a_failure_comes_home_and_the_lane_goes_on(jobs: Jobs, qtbot: Any) -> None:
    heard: list[Any] = []

    def fail(task: Task) -> None:
        raise ValueError("broken")

    jobs.run("files", "Fails", fail, on_failure=heard.append)
    jobs.run("files", "Works", lambda task: "fine", on_success=heard.append)
    qtbot.waitUntil(lambda: not jobs.running)
    assert str(heard[0]) == "broken"
    assert heard[1] == "fine"


def test_a_cancelled_job_is_gone_at_once_and_says_nothing_more(jobs: Jobs, qtbot: Any) -> None:
    heard: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def stubborn(task: Task) -> str:
        inside.set()
        leave.wait(5)
        task.update("late")
        return "late"

    job = jobs.run(
        "files", "Stubborn", stubborn,
        on_update=heard.append, on_success=heard.append, on_cancelled=lambda: heard.append("cancelled"),
    )  # fmt: skip
    assert inside.wait(5)
    jobs.cancel(job)
    assert heard == ["cancelled"]
    assert not jobs.running
    leave.set()
    jobs.run("files", "Next", lambda task: "next", on_success=heard.append)
    qtbot.waitUntil(lambda: "next" in heard)
    assert heard == ["cancelled", "next"]


def test_a_job_cancelled_before_its_turn_never_runs(jobs: Jobs, qtbot: Any) -> None:
    ran: list[str] = []
    leave = threading.Event()
    jobs.run("files", "First", lambda task: leave.wait(5))
    second = jobs.run("files", "Second", lambda task: ran.append("second"))
    jobs.cancel(second)
    leave.set()
    qtbot.waitUntil(lambda: not jobs.running)
    jobs.run("files", "Third", lambda task: ran.append("third"))
    qtbot.waitUntil(lambda: not jobs.running)
    assert ran == ["third"]


def test_cancelled_raised_inside_is_no_failure(jobs: Jobs, qtbot: Any) -> None:
    heard: list[str] = []

    def work(task: Task) -> None:
        raise Cancelled

    jobs.run(
        "files",
        "Stops",
        work,
        on_failure=lambda _: heard.append("failure"),
        on_cancelled=lambda: heard.append("cancelled"),
    )
    qtbot.waitUntil(lambda: not jobs.running)
    assert heard == ["cancelled"]


def test_closing_stops_what_runs(qtbot: Any) -> None:
    jobs = Jobs()
    started = threading.Event()

    def work(task: Task) -> None:
        started.set()
        while not task.cancelled():
            time.sleep(0.005)

    jobs.run("inference", "Long", work)
    assert started.wait(5)
    jobs.close()
    assert not jobs.running
