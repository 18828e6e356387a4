"""One function over many jobs: in processes of this machine, or on a Dask cluster that has outgrown it.

A cluster's workers must run the same Tunesmith and see the data under the same path. What travels there is
pickled by Dask, so a cluster is to be trusted as much as one's own machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

from core.errors import TunesmithError
from core.version import VERSION

Job = TypeVar("Job")
Result = TypeVar("Result")

Workers = int | str | None
"""A number of local processes, the address of a Dask scheduler ("tcp://host:8786"), or None: a process a core."""

CHUNK = 16
"""Jobs that travel together: a file is encoded in milliseconds."""

PATIENCE_SECONDS = 10.0
"""How long a scheduler may take to answer, and its first worker to come."""


def mapped(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: Workers = None
) -> Iterator[Result]:
    """``function`` of every job, in the order of the jobs, as they are done.

    Parameters
    ----------
    function : named in a module, so that another process can find it
    jobs : values that can be sent to another process
    workers : see `Workers`

    Raises
    ------
    TunesmithError
        Where the cluster cannot be used; and whatever ``function`` raises.
    """
    if isinstance(workers, str):
        yield from _on_cluster(function, jobs, workers)
        return
    with ProcessPoolExecutor(workers or cores()) as pool:
        yield from pool.map(function, jobs, chunksize=CHUNK)


def parse_workers(text: str) -> Workers:
    """The ``--workers`` of the command line: a number or an address; "" for None.

    Raises
    ------
    TunesmithError
        For what is neither.
    """
    if not text:
        return None
    if text.isdecimal() and 1 <= int(text) <= 1024:
        return int(text)
    if "://" in text or text.rpartition(":")[2].isdecimal() and ":" in text:
        return text
    raise TunesmithError(
        f"--workers {text} is neither a number of processes nor the address of a Dask scheduler, "
        "such as tcp://host:8786"
    )


def cores() -> int:
    """The processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Linux alone tells; elsewhere every core is ours
        return os.cpu_count() or 1


def _on_cluster(function: Callable[[Job], Result], jobs: Sequence[Job], address: str) -> Iterator[Result]:
    try:
        from distributed import Client
        from joblib import Parallel, delayed, parallel_config
    except ImportError as error:
        raise TunesmithError(
            f"--workers {address} needs Dask ({error}); run ./run --set-up-only test to install it"
        ) from error
    try:
        client = Client(address, timeout=PATIENCE_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise TunesmithError(
            f"no Dask scheduler answers at {address}; start one with: dask scheduler"
        ) from error
    with closing(client):
        _check(client, address, function)
        chunks = [jobs[at : at + CHUNK] for at in range(0, len(jobs), CHUNK)]
        with parallel_config("dask", client=client):
            parallel = Parallel(return_as="generator", batch_size=1)
        for results in parallel(delayed(_chunk)(function, chunk) for chunk in chunks):
            yield from results


def _check(client: Any, address: str, function: Callable[..., Any]) -> None:
    """Raise `TunesmithError` unless the cluster has workers, and all of them run this Tunesmith.

    joblib waits for ever where a worker cannot load the function: better to ask before.
    """
    try:
        client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
    except TimeoutError as error:
        raise TunesmithError(
            f"the Dask scheduler at {address} has no workers; start one with: dask worker {address}"
        ) from error
    try:
        versions = client.run(_version_that_has, function)
    except Exception as error:  # Dask wraps whatever its workers met
        raise TunesmithError(
            f"the Dask workers at {address} cannot do this ({error}): install this Tunesmith there"
        ) from error
    for worker, version in sorted(versions.items()):
        if version != VERSION:
            raise TunesmithError(
                f"the Dask worker {worker} runs Tunesmith {version}, this is {VERSION}: install the same"
            )


def _version_that_has(function: Callable[..., Any]) -> str:
    """This version; to have been called is the proof that ``function`` could be loaded."""
    return VERSION if callable(function) else ""


def _chunk(function: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
    return [function(job) for job in jobs]
