#!/usr/bin/env bash
# Table 5: RAS and SRR, all four corners. shells stands for MetaShell.
set -euo pipefail
exec "$(dirname "$0")/ablations.sh" table5 shells noreg noreg-nosrr base nosrr
