#!/usr/bin/env bash
# Sensitivity: novelty against quality along each number of SRR and of RAS, one at a time, with the held-out point.
#   experiments/sensitivity.sh SET strength|radius|cap ...   sampling alone, from the model of experiments/small.sh
#   experiments/sensitivity.sh SET inter|intra|sink ...      a short training each, on fewer cells of 24^3 (SET-24)
# All six by default. Each curve is drawn from scores alone: results/SET/sensitivity/FIELD/page/SET/curve.png.
# Two CPU cores: about 2 minutes a point of SRR, 3 a point of RAS. SIZE=tiny: about two minutes in all, in OUT.
source "$(dirname "$0")/common.sh"
set=${1:?"nets or shells"}
shift
fields=("$@")
[ $# -gt 0 ] || fields=(strength radius cap inter intra sink)
n=$([ "$size" = tiny ] && echo 12 || echo 500)
base=voxplore-$set-$size

values() { # of a field; RAS: its published weights times 0, .1, 1, 10
    case $1 in
        strength) echo 0 0.6 1.2 1.8 2.4 3.6 4.8 ;;
        radius) echo 0.8 1.0 1.2 1.4 1.6 2.0 ;;
        cap) echo 1 3 10 30 100 ;;
        inter) echo 0 0.4 4 40 ;;
        intra) echo 0 0.00004 0.0004 0.004 ;;
        sink) echo 0 0.0001 0.001 0.01 ;;
        *) echo "strength, radius, cap, inter, intra or sink, came $1" >&2 && return 2 ;;
    esac
}

scored() { # FIELD VALUE MODEL CELLS [changes of the sampling]: a row of the curve
    local row=results/$set/sensitivity/$1/$2 cells=samples/sensitivity-$set/$1/$2 rows=() changes=("${@:5}")
    [ ! -e "$row" ] || return 0
    [ ${#changes[@]} = 0 ] || changes=(--set "${changes[@]}")
    [ -e "$cells" ] || "$vox" generate "$3" --n "$n" --seed 0 --out "$cells" "${changes[@]}"
    compgen -G "results/$set/sensitivity/$1/*/rows" > /dev/null || rows=(--rows --row-size "$n")
    "$vox" evaluate "$cells" --reference "$4" --name "$1 $2" --out "$row" "${rows[@]}"
}

for field in "${fields[@]}"; do
    points=$(values "$field")
    [ "$size" != tiny ] || points=$(cut -d " " -f 1,3 <<< "$points")
    for value in $points; do
        case $field in
            strength | radius | cap)
                along=sampling.srr.$field
                built "$set"
                trained "$set" "$base"
                scored "$field" "$value" "runs/$base/model" "data/$set" "srr.$field=$value"
                ;;
            *)
                along=ras.$field
                coarse=$set short=(autoencoder_training.cells=640)
                if [ "$size" = tiny ]; then
                    built "$set"
                else
                    coarse=$set-24 short=(autoencoder.resolution=24 autoencoder_training.cells=170000)
                    [ -e "data/$coarse" ] || "$vox" build "$set" --n 4000 --seed 0 --resolution 24 --out "data/$coarse"
                fi
                run=runs/sensitivity-$set/$field-$value short+=("ras.$field=$value")
                [ -e "$run/model" ] ||
                    "$vox" train "data/$coarse" --recipe "$base" --out "$run" --set "${short[@]}"
                scored "$field" "$value" "$run/model" "data/$coarse"
                ;;
        esac
    done
    "$vox" report "results/$set/sensitivity/$field" --along "$along" --out "results/$set/sensitivity/$field/page" --overwrite
done
