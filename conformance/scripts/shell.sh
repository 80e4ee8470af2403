# The shell itself: quoting, expansion, pipes, redirection, here-documents, globbing, functions, exit statuses.
echo "a  b" 'c $d' e\ f
x=5; echo $((x * 7 % 4)) "${x:-no}" "${y:-default}" "${#x}"
printf '%s-%03d\n' abc 7
(exit 3); echo "subshell $?"
false || echo or; true && echo and
! true; echo "not $?"
echo one | cat | cat | tr a-z A-Z
{ echo out; echo err >&2; } 2>/dev/null
{ echo out; echo err >&2; } 2>&1 | sort
echo to file > f; echo more >> f; cat < f; wc -l < f
cat <<EOF
here $x
EOF
cat <<'EOF'
here $x
EOF
exec 3> g; echo three >&3; exec 3>&-; cat g
touch b1 b2 a1; echo *; echo [ab]1; echo z*
for i in 1 2 3; do case $i in 2) continue;; esac; echo "i=$i"; done
i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo "$i"
f() { echo "f $1 $#"; return 9; }; f q r; echo "status $?"
set -- a b c; shift; echo "$@" $#
nosuchcommand 2>/dev/null; echo "missing $?"
echo 'echo script "$1"; exit 4' > s; sh s arg; echo "script $?"
chmod +x f; ./f 2>/dev/null; echo "noexec $?"
echo $(echo nested $(echo deeper))
sh -c 'kill -9 $$'; echo "killed $?"
sh -c 'exit 300'; echo "wrapped $?"
: > empty; [ -s empty ] || echo empty
[ -e f ] && [ -f f ] && [ ! -d f ] && echo tests
read a b <<EOF
first second third
EOF
echo "$a|$b"
(echo b; echo a) | sort
yes | head -3
seq 1 1000 | tail -1
dd if=/dev/zero bs=1k count=100 2>/dev/null | wc -c
umask 027; touch m; stat -c %a m
cd /tmp && cd - > /dev/null
test -t 0 < /dev/null || echo no terminal
