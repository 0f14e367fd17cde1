# Sourced by other scripts here. SIZE=small (two CPU cores) and full (one GPU) work in OUT, by default the checkout;
# SIZE=tiny, to see that everything runs, with few cells of 16^3 and trainings of a few steps, by default in a temporary
# folder.
# Sets vox, size, here, many (cells of a set), build (options of `build`) and brief (options of `train`).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vox=${VOXPLORE:-voxplore} python=${PYTHON:-python} size=${SIZE:-small} many=10000 build=(--seed 0) brief=()
if [ "$size" = tiny ]; then
    many=120 build=(--seed 0 --resolution 16 --workers 1)
    brief=(--set autoencoder_training.cells=640 denoiser_training.cells=1280)
    OUT=${OUT:-$(mktemp -d)}
    echo "in $OUT"
fi
mkdir -p "${OUT:-$here/..}" && cd "${OUT:-$here/..}"
export OUT=$PWD # for a script that calls another

built() { # SET: data/SET, unless it exists; families are nets, shells and five more in equal parts
    [ ! -e "data/$1" ] || return 0
    local part parts=()
    case $1 in
        both) parts=(nets shells) ;;
        families)
            for part in nets shells spinodoid voronoi plates extruded kirigami; do
                parts+=("parts/$part")
                [ -e "data/parts/$part" ] || "$vox" build "$part" --n $((many / 7)) "${build[@]}" --out "data/parts/$part"
            done
            ;;
        *) "$vox" build "$1" --n "$many" "${build[@]}" --out "data/$1" && return ;;
    esac
    for part in "${parts[@]}"; do built "$part"; done
    "$vox" build joined --sets "${parts[@]/#/data/}" --name "$1" --out "data/$1"
}

trained() { # SET RECIPE [FIELD=VALUE ...]: runs/RECIPE, unless it exists; a symmetrised one has the plain one's training
    local set=$1 recipe=$2 plain=runs/${2/voxplore-sym-/voxplore-}
    shift 2
    if [ "$plain" != "runs/$recipe" ] && [ -e "$plain/model" ] && [ ! -e "runs/$recipe" ]; then
        mkdir -p "runs/$recipe/run"
        cp "$plain"/run/{autoencoder.safetensors,log.jsonl} "runs/$recipe/run/"
    fi
    [ -e "runs/$recipe/model" ] || "$vox" train "data/$set" --recipe "$recipe" --out "runs/$recipe" "${brief[@]}" "$@"
}
