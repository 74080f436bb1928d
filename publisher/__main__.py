"""Where the process begins: `publisher`, and `python -m publisher`.

A Ctrl-C while the rest is imported is none that anything has to be said of: nothing was done. So from here on it ends
the process at once, without Python's traceback; the commands then say what became of active.
"""

import gc
import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a background job's may be ignored
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main() -> None:
    """Runs the command line, and ends the process."""
    # Nearly nothing of what is imported and read becomes garbage, which Python would look for two hundred times.
    gc.set_threshold(100_000, *gc.get_threshold()[1:])
    # pyarrow imports it where it is installed, which takes a tenth of a small publish, and needs it for NumPy's own
    # arrays alone, of which there is none here. Beside what the locks install it is not there at all.
    sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]  # Python's own way to say that there is none
    from publisher.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
