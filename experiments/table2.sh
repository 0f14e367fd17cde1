#!/usr/bin/env bash
# Table 2: no regularisation, contrastive, RAS, with the latent map of each. nets stands for MetaTruss.
# RESOLUTION=24: see experiments/ablations.sh.
source "$(dirname "$0")/common.sh"
"$here/ablations.sh" table2 nets base noreg contrastive
n=1000 at=
[ "$size" = tiny ] && n=40 || at=${RESOLUTION:+-$RESOLUTION}
"$vox" latents runs/voxplore-{noreg-nets,contrastive-nets,nets}-"$size$at"/model --cells "data/nets$at" \
    --names none contrastive RAS --n "$n" --out "results/nets$at/table2/latents" --overwrite
