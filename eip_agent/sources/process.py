"""What a process takes of this machine, as psutil tells it; only who asks for the status pays for its import."""

from eip_agent.core.status import Usage


def usage(pid: int) -> Usage | None:
    """Memory, processor time and descriptors of a process; None where it is gone, or nobody may know."""
    import psutil  # noqa: PLC0415 half as long as the start of Python

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return Usage(process.memory_info().rss, times.user + times.system, process.num_fds())
    except (psutil.Error, OSError):
        return None
