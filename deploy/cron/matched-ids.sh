#!/usr/bin/env bash
# The day's file by cron: one run at a time, a log of each, and a word to a person only when one is needed.
#
#   MAILTO=lake-oncall@example.com
#   23 6 * * *  matched-ids  /opt/matched-ids/deploy/cron/matched-ids.sh /etc/matched-ids.env
#
# cron mails what a job prints, and this prints nothing when the file was published or nothing was new. Its argument is
# a file of settings, NAME=value a line. It runs in the checkout that it lies in, with the environment in .venv there.
set -euo pipefail

settings=${1:?which file has the settings? matched-ids.sh /etc/matched-ids.env}
set -a
# shellcheck source=/dev/null
. "$settings"
set +a
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH="$PWD/.venv/bin:$PATH"
logs=${MATCHED_IDS_LOGS:-$PWD/logs/runs}
mkdir -p "$logs"
log="$logs/$(date -u +%Y%m%dT%H%M%SZ)-$$.log"

# Of a run that takes longer than a day, the next one tells. The system lets go of the lock when this process ends.
exec 9> "$logs/lock"
if ! flock --nonblock 9; then
  echo "matched-ids: the run before this one has not ended; its log is the last in $logs"
  exit 75
fi

# Unit tests try the SQL, on rows of their own: CI runs them.
export DBT_EXCLUDE_RESOURCE_TYPES=${DBT_EXCLUDE_RESOURCE_TYPES-unit_test}

# The two commands. A conflict (6) and a store that fails (7) may be over in a minute: then the publish alone is tried
# again. When dbt fails, its code is the answer, and nothing is published.
run() {
  local code attempt
  dbt build || return
  for attempt in 1 2 3; do
    code=0
    publisher publish || code=$?
    if [[ $code != [67] || $attempt == 3 ]]; then break; fi
    sleep "${PAUSE_SECONDS:-60}"
  done
  return "$code"
}

code=0
run >> "$log" 2>&1 9>&- || code=$?
find "$logs" -name '*.log' -mtime +90 -delete

# 8: nothing is new.
if [[ $code == 0 || $code == 8 ]]; then exit 0; fi
echo "matched-ids: ended with $code on $(hostname); what to do is in docs/runbook.md. The end of $log:"
tail -n 20 "$log"
exit "$code"
