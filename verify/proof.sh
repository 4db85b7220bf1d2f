#!/bin/sh
# sh proof.sh PROOF ENTRY VKEY: does this tlog-proof lead from the entry to a root that VKEY signed?
# Needs sha256sum, basenc (coreutils 8.31) and openssl 3. Prints `ok INDEX SIZE`, or `no` and why.
# Exit status: 0 it does, 1 it does not, 2 wrong call.
set -eu
wrong() { echo "wrong call: $1" >&2; exit 2; }
no() { echo "no: $1"; exit 1; }
[ $# = 3 ] || wrong 'sh proof.sh PROOF ENTRY VKEY, three files'
for file in "$@"; do [ -r "$file" ] && [ ! -d "$file" ] || wrong "there is no file '$file'"; done
proof=$1 entry=$2 vkey=$(cat "$3")
hex() { base64 -d | basenc --base16 -w 0; }
raw() { basenc --base16 -d; }
leaf() { sha256sum | cut -c 1-64 | tr a-f A-F; }
node() { printf '01%s%s' "$1" "$2" | raw | leaf; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

[ "$(sed -n 1p "$proof")" = 'c2sp.org/tlog-proof@v1' ] || no 'it is not a tlog-proof'
sed '1,/^$/d' "$proof" > "$work/note"                        # the checkpoint
sed '/^$/,$d' "$work/note" > "$work/text"                    # what is signed of it
index=$(sed -n '2{/^extra /n;s/^index //p}' "$proof")
size=$(sed -n 2p "$work/text")
root=$(sed -n 3p "$work/text" | hex) || no 'the root is not base64'

# The signature: Ed25519 over the text, by the key of the vkey.
name=${vkey%%+*} key=$(echo "${vkey#*+*+}" | hex)            # 01 and 32 bytes
id=$(echo "${vkey#*+}" | cut -c 1-8 | tr a-f A-F)            # the first bytes of the signature
[ "$(sed -n 1p "$work/text")" = "$name" ] || no 'it is of another log'
signature=$(sed '1,/^$/d' "$work/note" | while read -r dash by each; do
  [ "$dash $by" = "— $name" ] || continue
  [ "$(echo "$each" | base64 -d | base64 -w 0)" = "$each" ] || continue    # written as it would be
  each=$(echo "$each" | hex) && [ "${each%"${each#????????}"}" = "$id" ] && echo "${each#????????}"
done | head -n 1) || true
echo "$signature" | tr -d '\n' | raw > "$work/signature"
echo "302A300506032B6570032100${key#01}" | tr -d '\n' | raw > "$work/key"
openssl pkeyutl -verify -rawin -in "$work/text" -sigfile "$work/signature" -pubin \
  -keyform DER -inkey "$work/key" > "$work/said" 2>&1 || no 'the checkpoint is not signed by this key'

# The way up (RFC 9162 section 2.1.3.2).
case $index,$size in *[!0-9,]* | ,* | *, | 0[0-9]* | *,0[0-9]*) no 'index or size is no number' ;; esac
[ "$index" -lt "$size" ] || no "there is no entry $index among $size"
hash=$({ printf '\000'; cat "$entry"; } | leaf) at=$index last=$((size - 1))
sed '/^$/,$d; 1,/^index /d' "$proof" > "$work/hashes"
while IFS= read -r each; do
  sibling=$(echo "$each" | hex) || no 'a hash is not base64'
  [ "$(echo "$sibling" | raw | base64 -w 0)" = "$each" ] || no 'a hash is not written as it would be'
  [ ${#sibling} = 64 ] || no 'a hash is not 32 bytes'
  [ $last != 0 ] || no 'the proof is too long'
  if [ $((at % 2)) = 1 ] || [ $at = $last ]; then
    hash=$(node "$sibling" "$hash")
    while [ $((at % 2)) = 0 ] && [ $at != 0 ]; do at=$((at / 2)) last=$((last / 2)); done
  else
    hash=$(node "$hash" "$sibling")
  fi
  at=$((at / 2)) last=$((last / 2))
done < "$work/hashes"
[ $last = 0 ] || no 'the proof is too short'
[ "$hash" = "$root" ] || no 'the proof does not lead from this entry to the signed root'
echo "ok $index $size"
