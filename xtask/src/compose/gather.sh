#!/bin/sh
# Packs this machine's newest Debian Postgres, and what it is linked with, into the archive that is named: what an image of
# the tests' own is made of. Without just-in-time compiling, which is most of it.
set -e
version=$(ls /usr/lib/postgresql | sort -n | tail -1)
{
    dpkg -L "postgresql-$version" "postgresql-client-$version" | grep -E '^/usr/(lib|share)/postgresql'
    ldd /usr/lib/postgresql/"$version"/bin/* /usr/lib/postgresql/"$version"/lib/*.so 2>/dev/null | grep -oE '/[^ :]+\.so[^ :]*'
    find /usr/share/zoneinfo -name UTC
} | sed 's,^/lib/,/usr/lib/,' | sort -u | grep -vE 'llvm|LLVM|\.bc$|\.mo$' | while read -r file; do
    [ ! -f "$file" ] || echo "$file"
done | tar --create --file "$1" --dereference --hard-dereference --no-recursion --absolute-names --transform 's,^/,,' --files-from -
