"""Where the process begins: `publisher`, and `python -m publisher`.

A Ctrl-C while the rest is imported is none that anything has to be said of: nothing was done. So it ends the process
at once, without Python's traceback; the commands then say what became of active.
"""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command line."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a background job's may be ignored
    if is_ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from publisher.cli.main import main as run

    if is_ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
