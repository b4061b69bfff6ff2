"""The signals that mean nothing to the daemon, and the one that may come before it can be heard."""

import signal

IDLE = (
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF),
    *(getattr(signal, name) for name in ("SIGIO", "SIGPWR", "SIGSTKFLT") if hasattr(signal, name)),
    *range(signal.SIGRTMIN, signal.SIGRTMAX + 1),
)
"""Each would end the process, whoever sends it. A handler that is set later takes the place of "ignored"."""


def ignore_idle() -> None:
    """Makes them harmless, and keeps a SIGHUP until `hear_reload`: the files may have changed since they were read."""
    for number in IDLE:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def hear_reload() -> None:
    """Lets SIGHUP through, one that came before too. To be called when its handler is set."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
