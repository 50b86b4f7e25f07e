"""`./exchange`, inside the virtual environment: reads the command line and does what it says."""

import sys

from exchange_site.launcher.cli import main

sys.exit(main(sys.argv[1:]))
