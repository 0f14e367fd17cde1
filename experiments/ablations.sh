#!/usr/bin/env bash
# Rows of one table of ablations on one set: train, draw 1,000 cells with SEEDS (0 by default), score, one table.
#   experiments/ablations.sh TABLE SET VARIANT ...      VARIANT: base, noreg, nosrr, ae+1, diff-1, ... (see recipes)
# Variants that differ in sampling or denoiser alone go on from the checkpoint of the same autoencoder. What exists is
# kept. SIZE=small (two CPU cores, about 20 minutes a row that trains an autoencoder, 5 else), full (one GPU), or tiny:
# 400 cells of 16^3, trainings of a few steps and 20 cells a row, in OUT, to see that everything runs (about two minutes).
# RESOLUTION=24 is the twin for little time: 4,000 cells of 24^3 and a third of the training, two minutes a row; its
# folders and rows are called SET-24, and are to be read against each other alone.
source "$(dirname "$0")/common.sh"
table=${1:?table} set=${2:?set}
shift 2
n=1000 data=$set label=
read -r -a seeds <<< "${SEEDS:-0}"
if [ "$size" = tiny ]; then
    n=20 many=400
elif [ "${RESOLUTION:-48}" != 48 ]; then
    data=$set-$RESOLUTION label=-$RESOLUTION many=4000 build+=(--resolution "$RESOLUTION")
    brief=(--set "autoencoder.resolution=$RESOLUTION" autoencoder_training.cells=170000 denoiser_training.cells=400000)
fi
[ -e "data/$data" ] || "$vox" build "$set" --n "$many" "${build[@]}" --out "data/$data"

recipe_of() { # the published shape is the base at full size, and has the trained denoiser of mlp
    case $1-$size in
        base-full | mlp-full) echo "voxplore-published-$set-full" ;;
        base-*) echo "voxplore-$set-$size" ;;
        *) echo "voxplore-$1-$set-$size" ;;
    esac
}
same_autoencoder() { # the variant whose autoencoder this one has
    case $1 in
        nosrr | diff* | mlp | sym) echo base ;;
        noreg-nosrr) echo noreg ;;
        *) echo "$1" ;;
    esac
}
rows=()
for variant in "$@"; do
    recipe=$(recipe_of "$variant")
    run=runs/$recipe$label origin=runs/$(recipe_of "$(same_autoencoder "$variant")")$label
    if [ ! -e "$run/model" ]; then
        if [ "$origin" != "$run" ] && [ -e "$origin/model" ] && [ ! -e "$run/run" ]; then
            mkdir -p "$run/run"
            cp "$origin/run/autoencoder.safetensors" "$run/run/"
        fi
        "$vox" train "data/$data" --recipe "$recipe" --out "$run" "${brief[@]}"
    fi
    for seed in "${seeds[@]}"; do
        drawn=samples/$recipe$label/seed$seed row=results/$data/$recipe/seed$seed
        [ -e "$row" ] && continue
        [ -e "$drawn" ] || "$vox" generate "$run/model" --n $n --seed "$seed" --out "$drawn"
        "$vox" evaluate "$drawn" --reference "data/$data" --name "$recipe${label:+ at $RESOLUTION^3}" --out "$row"
    done
    [[ " ${rows[*]} " == *"/$recipe/"* ]] || rows+=(results/"$data"/"$recipe"/seed[0-9]) # not the refined one
done
"$vox" compare "${rows[@]}" --out "results/$data/$table" --overwrite
