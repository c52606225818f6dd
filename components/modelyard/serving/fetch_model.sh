# Puts a model's files into the folder $MODEL_FILES/$MODEL_KEY, whole or not at all.
#
# Runs in images that have little more than a POSIX shell. What was downloaded before it ended is used by the next run.
# The folder gets its name in one step, once its files have been checked, so that nothing ever reads half a model; one
# that is there already is left as it is. Two runs at once follow one another where the file system has locks. Where it
# has none, both download the same files, and the first of them gives the folder its name.
#
#   MODEL_FILES     the folder that has all models
#   MODEL_KEY       the name of this one's
#   MODEL_KIND      object_store, huggingface or mlflow
#   MODEL_SOURCE    s3://…, gs://…, https://…; OWNER/NAME; models:/…
#   MODEL_REVISION  of Hugging Face; empty for the newest
set -eu
umask 022

final="$MODEL_FILES/$MODEL_KEY"
part="$MODEL_FILES/.$MODEL_KEY.part"
marker=.modelyard-model

is_there() {
  [ -s "$final/$marker" ]
}

# By hash where the store has one, by size elsewhere. Files get their names when they are whole.
get_object_store() {
  case "$MODEL_SOURCE" in
    s3://*)
      export RCLONE_S3_PROVIDER="${RCLONE_S3_PROVIDER:-AWS}" # another's, with RCLONE_S3_ENDPOINT, as the service says
      remote=":s3,env_auth=true:${MODEL_SOURCE#s3://}"
      ;;
    gs://*) remote=":gcs,env_auth=true:${MODEL_SOURCE#gs://}" ;;
    https://*.blob.core.windows.net/*)
      place=${MODEL_SOURCE#https://}
      remote=":azureblob,env_auth=true,account=${place%%.*}:${place#*/}"
      ;;
    *) echo "$MODEL_SOURCE is no store that is known"; exit 1 ;;
  esac
  rclone copy --config= --checksum --retries 5 --transfers 8 --stats 1m --stats-one-line --stats-log-level NOTICE \
    "$remote" "$part"
}

# https://huggingface.co/docs/huggingface_hub/guides/download
get_huggingface() {
  python3 - "$part" <<'PYTHON'
import hashlib
import os
import pathlib
import sys

from huggingface_hub import HfApi, snapshot_download

folder = pathlib.Path(sys.argv[1])
name, revision = os.environ["MODEL_SOURCE"], os.environ.get("MODEL_REVISION") or None
# The commit first: a branch may become another one meanwhile.
model = HfApi().model_info(name, revision=revision, files_metadata=True)
snapshot_download(name, revision=model.sha, local_dir=folder)


def is_right(path, file):
    if file.lfs:
        found, expected = hashlib.sha256(), file.lfs.sha256
    else:
        found, expected = hashlib.sha1(b"blob %d\0" % path.stat().st_size), file.blob_id  # as git counts
    with path.open("rb") as stream:
        while part := stream.read(1 << 22):
            found.update(part)
    return found.hexdigest() == expected


wrong = [each.rfilename for each in model.siblings if not is_right(folder / each.rfilename, each)]
for each in wrong:
    (folder / each).unlink()
if wrong:
    sys.exit(f"not what {name} has at {model.sha}, and removed: {', '.join(wrong)}")
PYTHON
}

# https://mlflow.org/docs/latest/api_reference/cli.html#mlflow-artifacts-download
get_mlflow() {
  rm -rf "$part" # it has no way to go on with what is there
  mkdir "$part"
  mlflow artifacts download --artifact-uri "$MODEL_SOURCE" --dst-path "$part"
}

mkdir -p "$MODEL_FILES"
exec 9>"$MODEL_FILES/.$MODEL_KEY.lock"
flock 9 || echo "no locks on this volume"
if is_there; then
  echo "$MODEL_KEY is there"
  exit 0
fi

mkdir -p "$part"
"get_$MODEL_KIND"
rm -rf "$part/.cache" # of huggingface_hub, for going on
if [ -z "$(ls -A "$part")" ]; then
  echo "nothing is at $MODEL_SOURCE"
  exit 1
fi
echo "$MODEL_SOURCE ${MODEL_REVISION:-}" > "$part/$marker"
sync
rmdir "$final" 2> /dev/null || true # as a pod that came too early leaves it
if [ -e "$final" ]; then
  if is_there; then
    echo "$MODEL_KEY is there"
    exit 0
  fi
  echo "$final has files that are not from here"
  exit 1
fi
mv "$part" "$final"
echo "$MODEL_KEY is complete"
