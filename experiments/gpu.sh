#!/usr/bin/env bash
# What a GPU lent for minutes is used for: data drawn again from records, networks trained, drawn from and scored, and
# what must be kept written to OUT as soon as it is there. Nothing is downloaded; every step can be taken up again.
#   experiments/gpu.sh MINUTES [--steps published tokens baselines] [--tokens RECIPE ...] [--sets nets shells] [--tiny]
# MINUTES: of wall clock, all steps together; each recipe has a share and stops by itself. WORK: where everything is
# kept (runs/gpu): the same command again goes on. OUT: what goes home, at most 8 files of 16 MiB (WORK/home); unpack it
# with experiments/gpu/unpack.sh OUT FOLDER. --carried FOLDER: what went home before; recipes that are there are left
# out. --tiny: everything at 16^3 with few cells on a CPU, to see that it runs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PYTHONPATH="$here/../src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
exec "${PYTHON:-python3}" "$here/gpu/run.py" "$@"
