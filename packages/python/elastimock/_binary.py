"""Where the binary is that came with this package."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

_NAME = "elastimock" + (sysconfig.get_config_var("EXE") or "")


def binary() -> str:
    """The path of the ``elastimock`` binary: ``ELASTIMOCK_BINARY`` if that is set, else the one that pip installed.

    Raises ``FileNotFoundError`` if there is none.
    """
    given = os.environ.get("ELASTIMOCK_BINARY")
    if given:
        return given
    folders = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    # `pip install --user`, and `pip install --target`, which puts it beside the package.
    scheme = "nt_user" if os.name == "nt" else "posix_user"
    if scheme in sysconfig.get_scheme_names():
        folders.append(Path(sysconfig.get_path("scripts", scheme)))
    folders.append(Path(__file__).resolve().parent.parent / "bin")
    for folder in folders:
        if (folder / _NAME).is_file():
            return str(folder / _NAME)
    found = shutil.which("elastimock")
    if found:
        return found
    places = ", ".join(map(str, folders))
    raise FileNotFoundError(f"there is no {_NAME} in {places} or on the PATH: install the wheel of elastimock again")
