"""`python3 -m tools.toolchain`: check the interpreter first, in syntax that every Python 3 can read."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is what finds out
    sys.exit(
        "toolchain: python %d.%d at %s is too old: modelyard needs 3.11 or newer; "  # noqa: UP031 - any Python 3 reads it
        "install it and run make with PYTHON=python3.11" % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

from tools.toolchain.cli import main

sys.exit(main(sys.argv[1:]))
