#!/usr/bin/env bash
# Table 1 on one set: train every generator once, draw 1,000 cells with seeds 0, 1, 2, score, picture, one table.
#   experiments/table1.sh nets|shells [MODEL ...]
# A second row shows seed 0 after `voxplore refine`. What exists is kept, so the same command again goes on, and a model
# can be added to the table later. On two CPU cores (SIZE=small, the default) a model takes up to ten minutes of training
# and five for 1,000 cells; SIZE=full wants a GPU. The table takes in every row of that set that exists. SEEDS=0 draws
# once only. SIZE=tiny does the same with a few cells of 16^3 and trainings of a few steps in about two minutes.
# OUT: where all goes (the checkout, or a temporary folder).
source "$(dirname "$0")/common.sh"
set=${1:?"nets or shells"}
shift
case $set in
    nets) models=(voxplore dit3d yang2024 xcube trellis cdm3d graph vae edits) printed=metatruss ;;
    shells) models=(voxplore dit3d yang2024 xcube trellis cdm3d vae edits) printed=metashell ;; # they have no struts
    *) echo "nets or shells, came $set" >&2 && exit 2 ;;
esac
[ $# = 0 ] || models=("$@")
n=1000 shown=64
read -r -a seeds <<< "${SEEDS:-0 1 2}"
[ "$size" != tiny ] || { n=6 shown=6 many=60 seeds=(0); }

train() { # RECIPE; a tiny training takes a few steps a stage, whatever its stages are called
    local short=()
    if [ $size = tiny ]; then
        local stages
        stages=$("$vox" train "data/$set" --recipe "$1" --out "runs/$1" --dry-run | grep -o '[a-z_]*training"' || true)
        for stage in $stages; do short+=("${stage%\"}.cells=160"); done
        [ ${#short[@]} = 0 ] || short=(--set "${short[@]}")
    fi
    "$vox" train "data/$set" --recipe "$1" --out "runs/$1" "${short[@]}"
}

built "$set"
for model in "${models[@]}"; do
    recipe=$model-$set-$size
    [ "$model-$size" != voxplore-full ] || recipe=voxplore-published-$set-full
    results=results/$set/$recipe
    missing=() # seed 0 is there once its refined row is
    for seed in "${seeds[@]}"; do
        row=$results/seed$seed
        [ "$seed" != 0 ] || row=$results/seed0-refined
        [ -e "$row" ] || missing+=("$seed")
    done
    [ ${#missing[@]} != 0 ] || continue
    [ -e "runs/$recipe/model" ] || train "$recipe"
    for seed in "${missing[@]}"; do
        samples=samples/$recipe/seed$seed
        [ -e "$samples" ] || "$vox" generate "runs/$recipe/model" --n $n --seed "$seed" --out "$samples"
        [ ! -e "$results/seed$seed" ] || continue
        # The three reference rows once a set.
        rows=()
        compgen -G "results/$set/*/seed0/rows" > /dev/null || [ "$seed" != 0 ] || rows=(--rows --row-size $n)
        "$vox" evaluate "$samples" --reference "data/$set" --name "$recipe" --out "$results/seed$seed" "${rows[@]}"
    done
    # The first cells of seed 0, unpicked.
    if [ ! -e "$results/cells.png" ] && [ -e "samples/$recipe/seed0" ]; then
        "$vox" render "samples/$recipe/seed0" --n $shown --out "$results/cells.png"
    fi
    # The same draw after `refine`, as a row of its own beside the plain one, and what changed.
    if [ ! -e "$results/seed0-refined" ] && [ -e "samples/$recipe/seed0" ]; then
        refined=refined/$recipe/seed0
        [ -e "$refined" ] || "$vox" refine "samples/$recipe/seed0" --reference "data/$set" --out "$refined"
        cp "$refined/refinement.json" "$results/refinement.json"
        "$vox" evaluate "$refined" --reference "data/$set" --name "$recipe refined" --out "$results/seed0-refined"
    fi
done
"$vox" compare "results/$set"/*-"$set-$size"/seed[0-2]* --printed $printed --out "results/$set/table1" --overwrite
