#!/usr/bin/env bash
# Usage: wait-until-healthy.sh RESOURCE_GROUP APPLICATION_INSIGHTS SINCE
#
# Waits until the availability test, which asks /health from outside all the time, has found the app healthy after SINCE
# (ISO 8601, UTC). It only reads a metric: the runner needs no way through the app's address rules, so none can be left open.
# WAIT_SECONDS is how long to wait at most, POLL_SECONDS how often to look.
set -euo pipefail

group=$1 component=$2 since=$3
deadline=$((SECONDS + ${WAIT_SECONDS:-1500}))

while true; do
  results=$(az monitor metrics list --resource-group "$group" --resource "$component" \
    --resource-type Microsoft.Insights/components --metric availabilityResults/availabilityPercentage \
    --aggregation Average --interval PT1M --start-time "$since" --output tsv \
    --query 'value[].timeseries[].data[?average != `null`][].average') || results=
  latest=$(tail -n 1 <<<"$results")
  echo "availability since $since: ${latest:-no result yet}"
  if [[ $latest =~ ^100(\.0+)?$ ]]; then exit 0; fi
  if ((SECONDS >= deadline)); then break; fi
  sleep "${POLL_SECONDS:-30}"
done
echo "::error::The app was not found healthy. Look at /health, and at docs/operate.md." >&2
exit 1
