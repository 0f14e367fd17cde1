#!/usr/bin/env bash
# Rows of one table of ablations on one set: train, draw 1,000 cells with SEEDS (0 by default), score, one table.
#   experiments/ablations.sh TABLE SET VARIANT ...      VARIANT: base, noreg, nosrr, ae+1, diff-1, ... (see recipes)
# Variants that differ in sampling or denoiser alone go on from the checkpoint of the same autoencoder. What exists is
# kept. SIZE=small (two CPU cores, about 20 minutes a row that trains an autoencoder, 5 else), full (one GPU), or tiny:
# 400 cells of 16^3, trainings of a few steps and 20 cells a row, in OUT, to see that everything runs (about two minutes).
set -euo pipefail
cd "$(dirname "$0")/.."
table=${1:?table} set=${2:?set}
shift 2
vox=${VOXPLORE:-voxplore} size=${SIZE:-small} n=1000 out=. options=(--n 10000 --seed 0) brief=()
read -r -a seeds <<< "${SEEDS:-0}"
if [ "$size" = tiny ]; then
    n=20 out=${OUT:-$(mktemp -d)} options=(--n 400 --seed 0 --resolution 16 --workers 1)
    brief=(--set autoencoder_training.cells=640 denoiser_training.cells=1280)
fi
mkdir -p "$out" && cd "$out"
[ -e "data/$set" ] || "$vox" build "$set" "${options[@]}" --out "data/$set"

recipe_of() { [ "$1" = base ] && echo "voxplore-$set-$size" || echo "voxplore-$1-$set-$size"; }
same_autoencoder() { # the variant whose autoencoder this one has
    case $1 in
        nosrr | diff* | mlp | sym) echo base ;;
        noreg-nosrr) echo noreg ;;
        *) echo "$1" ;;
    esac
}
for variant in "$@"; do
    recipe=$(recipe_of "$variant") origin=$(recipe_of "$(same_autoencoder "$variant")")
    if [ ! -e "runs/$recipe/model" ]; then
        if [ "$origin" != "$recipe" ] && [ -e "runs/$origin/model" ] && [ ! -e "runs/$recipe/run" ]; then
            mkdir -p "runs/$recipe/run"
            cp "runs/$origin/run/autoencoder.safetensors" "runs/$recipe/run/"
        fi
        "$vox" train "data/$set" --recipe "$recipe" --out "runs/$recipe" "${brief[@]}"
    fi
    for seed in "${seeds[@]}"; do
        drawn=samples/$recipe/seed$seed row=results/$set/$recipe/seed$seed
        [ -e "$row" ] && continue
        [ -e "$drawn" ] || "$vox" generate "runs/$recipe/model" --n $n --seed "$seed" --out "$drawn"
        "$vox" evaluate "$drawn" --reference "data/$set" --name "$recipe" --out "$row"
    done
done
rows=()
for variant in "$@"; do rows+=(results/"$set"/"$(recipe_of "$variant")"/seed[0-9]*); done
"$vox" compare "${rows[@]}" --out "results/$set/$table" --overwrite
