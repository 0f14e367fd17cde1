"""`python -m voxplore` is the command `voxplore`."""

import sys

from voxplore.cli import main

if __name__ == "__main__":
    sys.exit(main())
