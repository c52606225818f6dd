"""`python -m tools.stack up|destroy STACK`."""

import sys

from tools.stack.cli import main

sys.exit(main(sys.argv[1:]))
