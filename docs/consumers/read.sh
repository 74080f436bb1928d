#!/usr/bin/env bash
# A consumer in shell: AWS CLI, GNU coreutils, flock, awk and gzip. docs/consumers.md tells what is checked, and why.
#   read.sh [--accept-rollback] BUCKET KEY TARGET          ends with 0, or with the exit code that `publisher pull` has
# TARGET is the whole new file afterwards, or what it was; TARGET.state remembers which partition was accepted last.
set -euo pipefail
export LC_ALL=C AWS_PAGER=
fail() { echo "read.sh: $2" >&2; exit "$1"; }

# Whether partition $1 is older than $2, or cannot be compared with it: the publisher's own rule, number by number.
is_older() {
  NEW=$1 LAST=$2 awk '
    function column(level) { return substr(level, 1, index(level, "=")) }
    BEGIN {
      levels = split(ENVIRON["NEW"], new, "/")
      if (levels == 0 || levels != split(ENVIRON["LAST"], last, "/")) exit 0
      for (i = 1; i <= levels; i++) if (column(new[i]) != column(last[i])) exit 0
      for (i = 1; i <= levels; i++) {
        a = substr(new[i], index(new[i], "=") + 1); b = substr(last[i], index(last[i], "=") + 1)
        is_number = (a ~ /^[0-9]+$/); if (is_number != (b ~ /^[0-9]+$/)) exit 0
        if (is_number) { sub(/^0+/, "", a); sub(/^0+/, "", b) }
        if (is_number && length(a) != length(b)) exit (length(a) > length(b))
        if (a "" != b "") exit (a "" > b "")
      }
      exit 1
    }'
}

# What a file is: its bytes and SHA-256, and of its content MD5, bytes and lines; a blank line counts as none.
found() {
  local lines='/^$/ { blank = 1 } END { print blank ? "blank" : NR }'
  echo "$(stat -c %s "$1") $(digest sha256sum < "$1")" \
    "$(gzip -dc "$1" | digest md5sum) $(gzip -dc "$1" | wc -c) $(gzip -dc "$1" | awk "$lines")"
}
digest() { "$1" | cut -d ' ' -f 1; }

# Asks the store; what the AWS CLI says of a failure becomes an exit code.
ask() {
  local said
  { said=$(aws s3api "$@" --bucket "$bucket" --key "$key" --output text 2>&1 >&3); } 3>&1 && return
  case $said in
    *'(404)'* | *'(NoSuchKey)'*) fail 5 "nothing is published at s3://$bucket/$key" ;;
    *'(412)'* | *'(PreconditionFailed)'*) fail 6 "s3://$bucket/$key was replaced meanwhile: run again" ;;
    *) fail 7 "the store failed: $said" ;;
  esac
}

if [[ ${1-} == --accept-rollback ]]; then follows=yes; shift; else follows=; fi
[[ $# == 3 ]] || fail 2 "usage: read.sh [--accept-rollback] BUCKET KEY TARGET"
bucket=$1 key=$2 target=$3 state=$3.state
{ exec 9> "$target.lock"; } 2> /dev/null || fail 2 "$target.lock cannot be written"
flock --nonblock 9 || fail 6 "another one reads to $target"
trap 'rm -f "$target.part" "$state.part"' EXIT
names=(sha256 md5_checksum content_bytes total_ids source_partition set_back_from overruled)
fields=$(printf ",[not_null(Metadata.%s, '')]" "${names[@]}")
head=$(ask head-object --query "[[ETag],[to_string(ContentLength)]$fields]") || exit
mapfile -t said <<< "$head"
etag=${said[0]} promised="${said[*]:1:5}" partition=${said[6]-} back_from=${said[7]-} overruled=${said[8]-}
[[ $promised =~ ^[0-9]+\ [0-9a-f]{64}\ [0-9a-f]{32}\ [0-9]+\ [0-9]+$ ]] ||
  fail 4 "the metadata of s3://$bucket/$key says too little: this is no publisher's file"
last=$(cat "$state" 2> /dev/null) || [[ ! -e $state ]] || fail 2 "$state cannot be read"
if [[ -n $last ]] && is_older "$partition" "$last"; then
  if [[ ,$overruled, != *,older_partition,* ]] && { [[ -z $back_from ]] || is_older "$back_from" "$last"; }; then
    fail 3 "partition ${partition:-unknown} is older than $last, and nothing says that this was meant"
  fi
  [[ $follows ]] || fail 3 "partition ${partition:-unknown} is older than $last, on purpose: --accept-rollback"
fi
printf '%s\n' "$partition" > "$state.part"
done=unchanged
if [[ ! -f $target || $(found "$target" 2> /dev/null) != "$promised" ]]; then
  done=updated
  ask get-object --if-match "$etag" "$target.part" > /dev/null
  [[ $(found "$target.part" 2> /dev/null) == "$promised" ]] ||
    fail 4 "what came from s3://$bucket/$key is not what its metadata says; $target stays"
  [[ ! -e $target ]] || chmod --reference="$target" "$target.part"
  sync "$target.part" "$state.part"
  mv -f "$target.part" "$target"
fi
mv -f "$state.part" "$state"
echo "$done: ${said[5]} ids of partition ${partition:-unknown}"
