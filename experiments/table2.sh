#!/usr/bin/env bash
# Table 2: no regularisation, contrastive, RAS. nets stands for MetaTruss.
set -euo pipefail
exec "$(dirname "$0")/ablations.sh" table2 nets base noreg contrastive
