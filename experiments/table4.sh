#!/usr/bin/env bash
# Table 4: autoencoder and denoiser a layer deeper and shallower, half and twice as wide. nets stands for MetaTruss.
set -euo pipefail
exec "$(dirname "$0")/ablations.sh" table4 nets base ae-1 ae+1 aehalf aex2 mlp diff-1 diff+1 diffhalf diffx2
