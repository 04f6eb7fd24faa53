#!/bin/sh
# Downloads Debian packages with what they need and unpacks them under DIR/root; installs nothing.
# usage: unpack_debs.sh DIR PACKAGE...      needs root, apt and its sources
set -eu
dir=$1
shift
mkdir -p "$dir/debs/partial" "$dir/root"
fetch() {
    apt-get install -qq --yes --download-only --no-install-recommends -o Dir::Cache::archives="$dir/debs" "$@"
}
fetch "$@" || { apt-get update -qq && fetch "$@"; }
for deb in "$dir"/debs/*.deb; do
    [ ! -e "$deb" ] || dpkg -x "$deb" "$dir/root"
done
rm -rf "$dir/debs"
