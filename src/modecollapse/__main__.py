"""``python -m modecollapse``: the command, of this very code."""

import sys

from .pipeline.cli import main

sys.exit(main())
