"""``python -m elastimock``: the command line."""

import os
import subprocess
import sys

from elastimock._binary import binary


def main() -> int:
    try:
        words = [binary(), *sys.argv[1:]]
        if os.name == "posix":
            os.execv(words[0], words)
        return subprocess.call(words)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        # As for everything that is missing around it.
        return 3


if __name__ == "__main__":
    sys.exit(main())
