"""`./exchange sim`, inside the virtual environment."""

import sys

import django

django.setup()

from exchange_site.simulation.command import main  # noqa: E402 - Django comes first.

sys.exit(main(sys.argv[1:]))
