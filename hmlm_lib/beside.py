"""Jobs beside each other: a forked process each, of which none outlives the one that started it.

What is imported or held (locks on files) is theirs as well: a lock is free again only when the last of them is gone.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

POSSIBLE = sys.platform == "linux"  # elsewhere nothing ends a process whose parent is killed
PR_SET_PDEATHSIG = 1  # prctl(2)

Job = tuple[Any, ...]


def beside(
    run: Callable[..., Any],
    jobs: Sequence[Job],
    at_once: int,
    begins: Callable[[Job], None],
    lost: Callable[..., Any],
) -> Iterator[tuple[Job, Any]]:
    """(job, run(*job)) of every job as it ends, so many at once; one after the other in this process for 1.

    begins: called here before a job. lost: called with a job whose process was killed, gives its result. What a job
    raises is raised here once the others that have begun ended (of several the first job's), and no other begins then.
    Whoever stops to ask, and whatever interrupts, ends them all.
    """
    if at_once == 1:
        for job in jobs:
            begins(job)
            yield job, run(*job)
        return
    waiting, running, raised = deque(jobs), {}, {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.popleft()
                begins(job)
                heard, process = _begun(run, job)
                running[heard] = job, process
            for heard in wait(list(running)):
                job, process = running[heard]
                answer = _answer(heard)
                process.join()
                del running[heard]
                if isinstance(answer, BaseException):
                    raised[jobs.index(job)] = answer
                    waiting.clear()
                else:
                    yield job, lost(*job) if answer is None else answer[0]
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()
    if raised:
        raise raised[min(raised)]


def _begun(run: Callable[..., Any], job: Job) -> tuple[Connection, multiprocessing.process.BaseProcess]:
    """A process that does the job, and where its answer will come."""
    context = multiprocessing.get_context("fork")
    heard, says = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(says, os.getpid(), run, job))
    process.start()
    says.close()
    return heard, process


def _do(says: Connection, parent: int, run: Callable[..., Any], job: Job) -> None:
    """The job, in a process that is killed when its parent dies, and leaves an interruption to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        os._exit(1)
    try:
        says.send((run(*job),))
    except Exception as problem:
        says.send(problem)


def _answer(heard: Connection) -> tuple[Any] | Exception | None:
    """(result,), what was raised, or None of a process that was killed."""
    try:
        return heard.recv()
    except EOFError:
        return None
