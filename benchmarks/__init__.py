"""Speed beside named peers, in one run: `python -m benchmarks --help`."""
