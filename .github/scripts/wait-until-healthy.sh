#!/usr/bin/env bash
# Usage: wait-until-healthy.sh RESOURCE_GROUP APPLICATION_INSIGHTS VERSION SINCE
#
# Waits until code of VERSION has started after SINCE (ISO 8601, UTC) and, in the same process, the timer `sweep` has found everything well: settings,
# storage, all that /health looks at. It only reads the log: the runner needs no way through the app's address rules, so none
# can be left open. WAIT_SECONDS is how long to wait at most, POLL_SECONDS how often to look.
set -euo pipefail

group=$1 component=$2 version=$3 since=$4
deadline=$((SECONDS + ${WAIT_SECONDS:-1500}))

# Versions are digits, dots, letters, + and -; nothing else belongs into a query.
if ! [[ $version =~ ^[0-9A-Za-z.+-]+$ && $since =~ ^[0-9TZ:-]+$ ]]; then
  echo "::error::'$version' is not a version, or '$since' not a time." >&2
  exit 1
fi

query="
let lines = traces | where message startswith '{' | extend line = parse_json(message);
lines
| where timestamp > datetime($since) and tostring(line.message) == 'start' and tostring(line.version) == '$version'
| project cloud_RoleInstance, start = timestamp
| join kind=inner (
    lines
    | where tostring(line.message) == 'sweep' and tostring(line.what) == 'run' and tostring(line.outcome) == 'ok'
    | project cloud_RoleInstance, sweep = timestamp
  ) on cloud_RoleInstance
| where sweep > start
| summarize well = count()"

az extension add --name application-insights --only-show-errors
while true; do
  well=$(az monitor app-insights query --resource-group "$group" --apps "$component" --offset 1h \
    --analytics-query "$query" --query 'tables[0].rows[0][0]' --output tsv) || well=
  echo "good runs of the timer with $version: ${well:-none could be read}"
  if [[ $well =~ ^[1-9][0-9]*$ ]]; then exit 0; fi
  if ((SECONDS >= deadline)); then break; fi
  sleep "${POLL_SECONDS:-30}"
done
echo "::error::No run of the timer found everything well with $version. Look at /health, and at docs/operate.md." >&2
exit 1
