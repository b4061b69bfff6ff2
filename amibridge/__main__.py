"""`python -m amibridge`."""

import sys

from amibridge.cli import main

sys.exit(main())
