#!/bin/sh
# The table of a GPU, in under 20 minutes: sh benchmarks/gpu.sh [FOLDER]
# Needs the package with its extra `dev` installed and one CUDA device.
# sh benchmarks/gpu.sh --smoke runs the same on a CPU at tiny sizes, to see that it runs.
set -eu
cd "$(dirname "$0")/.."
python="${PYTHON:-python}"
device=cuda out=benchmarks-gpu
batches="256 1024 2048 4096" depths="1 4" rounds=10 sizes="1024 8192" pairs=10 seconds=10
case "${1:-}" in
--smoke)
    device=cpu out=$(mktemp -d) batches=8 depths="1 2" rounds=1 sizes=64 pairs=1 seconds=0.1
    few="--lambdas 2 --sampled 2 --rounds 1 --max-iterations 3"
    ;;
?*) out=$1 ;;
esac
mkdir -p "$out"

bench() { # name of the JSON file, then a command
    name=$1
    shift
    "$python" -m benchmarks --json "$out/$name.json" "$@" | tee "$out/$name.md"
    echo
}

if [ "$device" = cuda ]; then
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
    # how busy the card is, every second
    nvidia-smi --query-gpu=timestamp,utilization.gpu,memory.used --format=csv -l 1 >"$out/utilization.csv" &
    trap 'kill $!' EXIT
fi
for layers in $depths; do
    for batch in $batches; do
        bench "train-step-L$layers-B$batch" train-step --device $device --layers "$layers" --batch-size "$batch" --rounds $rounds
    done
done
for size in $sizes; do
    bench "aggregate-M$size" aggregate --device $device --batch-size "$size" --rounds $rounds
done
for mode in latent-kl output; do
    # shellcheck disable=SC2086
    bench "attack-$mode" attack --device $device --mode $mode --pairs $pairs ${few:---sampled 12 --rounds 2}
done
bench data data --device $device --rounds $rounds ${few:+--num-batches 2 --batch-size 8}
bench memory memory --device $device ${few:+--largest 256}
bench scaling scaling --device $device --most-seconds $seconds --figure "$out/scaling.png"
echo "tables and JSON are in $out"
