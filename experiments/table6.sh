#!/usr/bin/env bash
# Table 6: autoencoder and denoiser a layer deeper and shallower, half and twice as wide. shells stands for MetaShell.
set -euo pipefail
exec "$(dirname "$0")/ablations.sh" table6 shells base ae-1 ae+1 aehalf aex2 mlp diff-1 diff+1 diffhalf diffx2
