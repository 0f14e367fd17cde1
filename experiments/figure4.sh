#!/usr/bin/env bash
# Figure 4: what each force of repel-and-sink does to two clusters in the plane. Seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -e results/figure4 ] || "${VOXPLORE:-voxplore}" report figure4 --out results/figure4
