"""``python -m core.cli`` is ``tunesmith``."""

import sys

from core.cli.command_line import main

sys.exit(main())
