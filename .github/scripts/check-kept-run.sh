#!/usr/bin/env bash
# Usage: check-kept-run.sh OWNER/REPOSITORY RUN
#
# A run keeps its package for 90 days. Pull requests, those of strangers included, make packages as well: only one that was
# tested for azure-main of this repository may be deployed. Needs gh with a token that may read runs.
set -euo pipefail

repository=$1 run=$2
if ! [[ $run =~ ^[0-9]+$ ]]; then
  echo "::error::'run' is the number at the end of the address of a run, under Actions → Deploy." >&2
  exit 1
fi
found=$(gh api "repos/$repository/actions/runs/$run" \
  --jq '[.path, .head_branch, .head_repository.full_name, .event] | join(" ")')
echo "run $run: $found"
case $found in
  ".github/workflows/deploy.yml azure-main $repository push" | \
    ".github/workflows/deploy.yml azure-main $repository workflow_dispatch") ;;
  *)
    echo "::error::Run $run is not one of the workflow Deploy for azure-main of $repository." >&2
    exit 1
    ;;
esac
