"""Where the one-folder program starts; see ``build.spec``.

In a frozen program a child process starts the same file again, and `freeze_support` is what turns that start into
the child. It must come before anything is imported that takes time or opens a window.
"""

import sys
from multiprocessing import freeze_support

if __name__ == "__main__":
    freeze_support()
    from core.cli import main

    sys.exit(main())
