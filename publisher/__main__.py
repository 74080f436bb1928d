"""Where the process begins: `publisher`, and `python -m publisher`.

A Ctrl-C while the rest is imported is none that anything has to be said of: nothing was done. So from here on it ends
the process at once, without Python's traceback; the commands then say what became of active.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job's may be ignored
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main() -> None:
    """Runs the command line, and ends the process."""
    from publisher.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
