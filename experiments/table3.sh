#!/usr/bin/env bash
# Table 3: RAS and SRR, all four corners. nets stands for MetaTruss.
set -euo pipefail
exec "$(dirname "$0")/ablations.sh" table3 nets noreg noreg-nosrr base nosrr
