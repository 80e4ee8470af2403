# cp, mv, rm, ln, find, sort, sed, awk, tar, gzip and friends on a real tree.
mkdir -p t/a/b t/c; i=0
while [ $i -lt 60 ]; do echo "line $i of file" > t/a/f$i; i=$((i+1)); done
head -c 300000 /dev/zero | tr '\0' 'z' > t/c/big
ln t/a/f1 t/c/hard; ln -s ../a/f2 t/c/soft; ln -s nowhere t/c/dangling
find t -type f | wc -l; find t -type l | sort; find t -name 'f1?' | sort | head -3
find t -size +100k; find t/c -links 2; find t -type d | sort
find t/a -name 'f5*' -exec cat {} + | sort | tail -2
find t -name f3 -print0 | xargs -0 cat
cp -a t u; diff -r t u && echo same
readlink u/c/soft; stat -c '%h %s' u/c/hard; cat u/c/soft
mv u/a u/moved; ls u; mv u/c/big u/big; ls -l u/big | awk '{print $5}'
rm -r u/moved; ls u/moved 2>/dev/null || echo gone
tar cf t.tar t; tar tf t.tar | wc -l; mkdir x; tar xf t.tar -C x; diff -r t x/t && echo tar
tar czf t.tgz t; mkdir y; tar xzf t.tgz -C y; diff -r t y/t && echo tgz
gzip -k t/c/big; ls -l t/c/big.gz | awk '{print ($5 < 2000)}'; gunzip -c t/c/big.gz | cmp - t/c/big && echo gzip
bzip2 -k t/c/big && bunzip2 -c t/c/big.bz2 | cmp - t/c/big && echo bzip2
md5sum t/a/f7 t/c/big; sha256sum t/c/big
sed -n '1s/line/LINE/p' t/a/f9; sed -i 's/file/FILE/' t/a/f9; cat t/a/f9
awk 'BEGIN { s = 0 } { s += $2 } END { print s, NR }' t/a/f*
seq 1 50 | awk '{ a[$1 % 7] += $1 } END { for (k = 0; k < 7; k++) print k, a[k] }'
seq 20 -1 1 | sort -n | head -3; printf 'b 2\na 3\nc 1\n' | sort -k2
printf 'a\na\nb\n' | uniq -c; seq 1 10 | paste -d, - -; echo abc:def | cut -d: -f2
grep -r 'line 4[0-3]' t/a | sort; grep -c of t/a/f1; echo hello | grep -o l
chmod 600 t/a/f1; stat -c %a t/a/f1 t/c/hard; touch -d '2020-01-02 03:04:05' t/a/f1; date -r t/a/f1 -u +%Y-%m-%dT%H:%M:%S
du -s t > /dev/null && echo du; basename t/a/f1; dirname t/a/f1; realpath t/../t/a | sed 's|.*/t/a|t/a|'
date -u -d @1000000000 +%Y-%m-%d; dd if=t/c/big of=d bs=1000 skip=2 count=3 2>/dev/null; ls -l d | awk '{print $5}'
truncate -s 5 d; wc -c < d; od -An -c d; cmp t/a/f1 t/a/f2 > /dev/null || echo differ
mkdir -m 700 p; stat -c %a p; rmdir p; rm -rf t u x y; ls -A | wc -l
echo abc | tee f1 f2 | rev; cat f1 f2; expr 3 + 4; echo 'a b' | xargs -n1 echo
vi -h > /dev/null 2>&1; which sh > /dev/null && echo which; env -i A=1 env; id -u > /dev/null; uname -s
