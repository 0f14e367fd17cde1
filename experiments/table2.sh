#!/usr/bin/env bash
# Table 2: no regularisation, contrastive, RAS, with the latent map of each. nets stands for MetaTruss.
source "$(dirname "$0")/common.sh"
export OUT=$PWD
"$here/ablations.sh" table2 nets base noreg contrastive
n=$([ "$size" = tiny ] && echo 40 || echo 1000)
"$vox" latents runs/voxplore-{noreg,contrastive}-nets-"$size"/model "runs/voxplore-nets-$size/model" --cells data/nets \
    --names none contrastive RAS --n "$n" --out results/nets/table2/latents --overwrite
