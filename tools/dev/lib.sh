# Sourced by the scripts of tools/: messages, packages, builds.
#
# Messages for people go to standard error. A script that sources this stops at the first error;
# what stops it is said in one sentence by fail.

set -euo pipefail

if [[ -t 2 && -z "${NO_COLOR:-}" && "${TERM:-dumb}" != dumb ]]; then
  bold=$'\033[1m' red=$'\033[31m' plain=$'\033[0m'
else
  bold='' red='' plain=''
fi

step_number=0
step_count=0          # set it before the first step
started=$SECONDS

# step WHAT: the next step begins.
step() {
  step_number=$((step_number + 1))
  printf '%s[%d/%d %4ds] %s%s\n' "$bold" "$step_number" "$step_count" "$((SECONDS - started))" \
    "$*" "$plain" >&2
}

say() { printf '    %s\n' "$*" >&2; }

# fail SENTENCE: says what to do, and ends the script.
fail() {
  printf '%s%s: %s%s\n' "$red" "$(basename "$0")" "$*" "$plain" >&2
  exit 1
}

package_installed() {
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# install_packages FILE...: installs those of the listed packages that are missing.
install_packages() {
  command -v apt-get >/dev/null ||
    fail "there is no apt-get here; use Debian 12, or install the packages named in $* yourself"
  local package missing=()
  for package in $(grep -hv '^#' "$@"); do
    package_installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    say "all packages are installed"
    return
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "run this as root first: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
  fi
  local attempt
  for attempt in 1 2 3; do
    "${as_root[@]}" apt-get -q update >&2 && break
    ((attempt < 3)) || fail "apt-get update failed; check the network and /etc/apt/sources.list"
    say "apt-get update failed, trying again"
    sleep $((attempt * 5))
  done
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout=120 install --no-install-recommends "${missing[@]}" >&2 ||
    fail "apt-get could not install them; its message above says why (this needs Debian 12)"
}

# How many compilers at once: one a core, but no more than memory holds.
build_jobs() {
  local available_kib cores by_memory
  available_kib=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  cores=$(nproc)
  by_memory=$((available_kib / (1536 * 1024)))
  ((by_memory >= 1)) || by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

# build PRESET [TARGET...]: configures and builds; everything if no target is named.
build() {
  local preset=$1 targets=()
  shift
  (($# == 0)) || targets=(--target "$@")
  cmake --preset "$preset" >&2 || fail "the build cannot be configured; its message is above"
  cmake --build "build/$preset" -j "$(build_jobs)" "${targets[@]}" >&2 ||
    fail "the build failed; the first error above says where"
}
