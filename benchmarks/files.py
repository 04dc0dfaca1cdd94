"""How many files, and so sockets, this process may have open."""

import resource


def allow(count: int) -> None:
    """Raises the soft limit as far as is needed; SystemExit where the hard one is lower."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise SystemExit(f"{count} open files are needed and {hard} allowed. Raise the limit or ask for fewer streams.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
