# Background jobs, wait, kill, trap.
sleep 100 & kill -TERM $!; wait $!; echo "terminated $?"
sleep 100 & p=$!; kill -9 $p; wait $p; echo "killed $?"
(exit 5) & wait $!; echo "exited $?"
for i in 1 2 3 4; do (exit $i) & done; wait; echo "all $?"
trap 'echo trapped' USR1; kill -USR1 $$; echo after
trap 'echo bye' EXIT
trap '' TERM; kill -TERM $$; echo ignored; trap - TERM
sh -c 'trap "echo child got term; exit 7" TERM; kill -TERM $$; sleep 5'; echo "child $?"
sh -c 'trap "exit 3" TERM; while :; do sleep 0.01; done' & p=$!
sleep 0.3; kill -TERM $p; wait $p; echo "loop $?"
(sleep 0.1; echo late) & echo early; wait
kill -0 $$ && echo alive
kill -0 99999999 2>/dev/null || echo no such process
sleep 0.05 & wait; echo waited
timeout 0.2 sleep 5; echo "timeout $?"
mkfifo pipe; (echo through fifo > pipe) & cat pipe; wait
yes > /dev/null & p=$!; kill -STOP $p; kill -CONT $p; kill $p; wait $p; echo "yes $?"
echo x | (read v; echo "read $v"); sh -c 'sh -c "exit 6"'; echo "$?"
