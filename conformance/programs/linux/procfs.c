/* proc(5): what tools read, as far as it is the same everywhere. */
#include "../conform.h"
static char buf[65536];
static ssize_t slurp(const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) return -1;
    ssize_t n = 0, r;
    while ((r = read(fd, buf + n, sizeof buf - 1 - n)) > 0) n += r;
    close(fd);
    buf[n < 0 ? 0 : n] = 0;
    return n;
}
int main(int argc, char **argv) {
    char path[100], link[PATH_MAX] = {0}, cwd[PATH_MAX];
    (void)argc;
    CHECK(slurp("/proc/self/cmdline") > 0 && strcmp(buf, argv[0]) == 0);
    CHECK(slurp("/proc/self/comm") > 0 && strcmp(buf, "procfs\n") == 0);
    int pid, ppid, pgrp, session;
    char state, comm[32];
    CHECK(slurp("/proc/self/stat") > 0);
    CHECK(sscanf(buf, "%d (%31[^)]) %c %d %d %d", &pid, comm, &state, &ppid, &pgrp, &session) == 6);
    CHECK(pid == getpid() && state == 'R' && ppid == getppid() && pgrp == getpgrp() && session == getsid(0));
    int fields = 1;
    for (char *s = buf; *s; s++) fields += *s == ' ';
    CHECK(fields == 52);
    CHECK(slurp("/proc/self/status") > 0 && strstr(buf, "Name:\tprocfs\n") && strstr(buf, "\nVmRSS:"));
    CHECK(strstr(buf, "\nThreads:\t1\n") && strstr(buf, "\nSigBlk:\t0000000000000000\n"));
    CHECK(slurp("/proc/self/statm") > 0);
    CHECK(slurp("/proc/self/maps") > 0 && strstr(buf, "[stack]") && strstr(buf, "[heap]") && strstr(buf, " r-xp "));
    CHECK(readlink("/proc/self/cwd", link, sizeof link - 1) > 0 && getcwd(cwd, sizeof cwd) && strcmp(link, cwd) == 0);
    int fd = open("some-file", O_CREAT | O_RDWR, 0600);
    (void)!write(fd, "content", 7);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memset(link, 0, sizeof link);
    CHECK(readlink(path, link, sizeof link - 1) > 0 && strcmp(strrchr(link, '/'), "/some-file") == 0);
    unlink("some-file");
    memset(link, 0, sizeof link);
    CHECK(readlink(path, link, sizeof link - 1) > 0 && strstr(link, "/some-file (deleted)"));
    CHECK(slurp(path) == 7 && memcmp(buf, "content", 7) == 0);
    snprintf(path, sizeof path, "/proc/%d/stat", getpid());
    CHECK(slurp(path) > 0);
    memset(link, 0, sizeof link);
    CHECK(readlink("/proc/self", link, sizeof link - 1) > 0 && atoi(link) == getpid());
    FAILS(open("/proc/4000000/stat", O_RDONLY), ENOENT);
    CHECK(slurp("/proc/meminfo") > 0 && strstr(buf, "MemTotal:") && strstr(buf, "MemAvailable:"));
    CHECK(slurp("/proc/uptime") > 0 && slurp("/proc/loadavg") > 0 && slurp("/proc/version") > 0);
    CHECK(slurp("/proc/stat") > 0 && strncmp(buf, "cpu ", 4) == 0 && strstr(buf, "\nbtime "));
    CHECK(slurp("/proc/cpuinfo") > 0 && strstr(buf, "processor\t: 0\n"));
    CHECK(slurp("/proc/self/mounts") > 0 && strstr(buf, " /proc proc "));
    CHECK(slurp("/proc/self/mountinfo") > 0 && slurp("/proc/filesystems") > 0);
    CHECK(slurp("/proc/self/limits") > 0 && strstr(buf, "Max open files"));
    CHECK(slurp("/proc/sys/kernel/ostype") == 6 && strcmp(buf, "Linux\n") == 0);
    CHECK(slurp("/proc/self/oom_score_adj") > 0);
    CHECK(access("/dev/null", W_OK) == 0 && slurp("/dev/null") == 0);
    fd = open("/dev/zero", O_RDWR);
    CHECK(read(fd, buf, 100) == 100 && buf[99] == 0 && write(fd, buf, 10) == 10);
    fd = open("/dev/full", O_RDWR);
    FAILS(write(fd, "x", 1), ENOSPC);
    fd = open("/dev/urandom", O_RDONLY);
    CHECK(read(fd, buf, 1000) == 1000);
    struct stat st;
    CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0x103);
    return finish();
}
