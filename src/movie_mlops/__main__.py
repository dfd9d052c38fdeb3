"""``python -m movie_mlops`` is the same door as the ``movie-mlops`` command."""

import sys

from movie_mlops.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
