# ps, top and what they read from /proc.
sleep 50 & p=$!
until grep -q sleep /proc/$p/comm; do :; done
ps -o pid,comm | grep -q "$p sleep" && echo ps
ps | grep -q "^ *$p .*sleep 50" && echo args
top -b -n1 | head -1 | cut -c1-4
top -b -n1 | grep -q "^ *$p .*sleep 50" && echo top
cat /proc/$p/comm
tr '\0' ' ' < /proc/$p/cmdline; echo
ls -l /proc/self/exe | grep -q busybox && echo exe
[ -d /proc/$p/fd ] && echo fds
kill $p; wait $p 2>/dev/null; [ -d /proc/$p ] || echo gone
free | head -2 | tail -1 | cut -c1-4
uptime | grep -q load && echo uptime
pidof sh > /dev/null && echo pidof
sh -c 'echo $PPID' > ppid; [ "$(cat ppid)" = $$ ] && echo parent
cat /proc/self/mounts | grep -q ' /proc proc ' && echo proc
cat /proc/sys/kernel/ostype; cat /proc/filesystems | grep -q tmpfs && echo tmpfs
echo hello > /dev/null; head -c 5 /dev/zero | od -An -tx1
head -c 1000 /dev/urandom | wc -c
df / > /dev/null && echo df; mount | grep -q ' / ' && echo root
nproc > /dev/null && echo nproc
