"""``python -m elastimock``: the command line."""

import os
import subprocess
import sys

from elastimock._binary import binary


def main() -> int:
    program = ""
    try:
        program = binary()
        words = [program, *sys.argv[1:]]
        # Which binary it is, is none of its own flags.
        os.environ.pop("ELASTIMOCK_BINARY", None)
        if os.name == "posix":
            os.execv(words[0], words)
        return subprocess.call(words)
    except OSError as error:
        print(f"error: {program + ': ' if program else ''}{error}", file=sys.stderr)
        # As for everything that is missing around it.
        return 3


if __name__ == "__main__":
    sys.exit(main())
