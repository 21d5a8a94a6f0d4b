"""`python -m telecare.cli` is `telecare`."""

import sys

from telecare.cli.main import main

sys.exit(main())
