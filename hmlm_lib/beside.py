"""Jobs beside each other: a process each, of which none outlives the one that started it.

On Linux processes are forked: what is imported or held (locks on files) is theirs as well, and a lock is free again
only when the last of them is gone.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1  # prctl(2)


def beside(run: Callable[..., Any], jobs: Sequence[tuple], at_once: int) -> Iterator[tuple[tuple, Any]]:
    """(job, run(*job)) of every job as it ends, so many at once; one after the other in this process for 1.

    What a job raises is raised here; jobs that were not begun are dropped then, the others end first. An interruption
    ends all.
    """
    if at_once == 1 or len(jobs) < 2:
        yield from ((job, run(*job)) for job in jobs)
        return
    context = multiprocessing.get_context("fork" if LINUX else "spawn")
    with ProcessPoolExecutor(min(at_once, len(jobs)), context, _bound_to, (os.getpid(),)) as pool:
        begun = {pool.submit(run, *job): job for job in jobs}
        try:
            for done in as_completed(begun):
                yield begun[done], done.result()
        except KeyboardInterrupt:
            for child in multiprocessing.active_children():
                child.terminate()
            raise
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _bound_to(parent: int) -> None:
    """This process is killed when its parent dies, however that dies (Linux; elsewhere it ends after its job).

    An interruption is the parent's to answer.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before
            os._exit(1)
