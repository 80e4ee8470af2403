/* What the conformance programs share. Output must be the same natively and in a sandbox, so it holds no
 * addresses, times, ids or paths that differ from run to run. */
#ifndef CONFORM_H
#define CONFORM_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int conform_failures;

/* One line for each fact; a false one makes the program exit with 1. */
#define CHECK(condition)                                             \
    do {                                                             \
        if (condition) {                                             \
            printf("ok   %s\n", #condition);                         \
        } else {                                                     \
            printf("FAIL line %d: %s (errno %s)\n", __LINE__, #condition, strerrorname_np(errno)); \
            conform_failures++;                                      \
        }                                                            \
    } while (0)

/* The call fails with exactly this error. */
#define FAILS(call, error)                                           \
    do {                                                             \
        errno = 0;                                                   \
        long conform_r = (long)(call);                               \
        if (conform_r == -1 && errno == (error)) {                   \
            printf("ok   %s: %s\n", #call, #error);                  \
        } else {                                                     \
            printf("FAIL line %d: %s gave %ld errno %s, not %s\n", __LINE__, #call, conform_r, \
                   errno ? strerrorname_np(errno) : "0", #error);    \
            conform_failures++;                                      \
        }                                                            \
    } while (0)

static inline void section(const char *name) { printf("-- %s\n", name); fflush(stdout); }

static inline int finish(void) {
    fflush(stdout);
    return conform_failures ? 1 : 0;
}

/* Runs fn in a child and prints how it ended, as a shell would. */
static inline int child_status(void (*fn)(void)) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        fn();
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int64_t now_ns(clockid_t clock) {
    struct timespec ts;
    clock_gettime(clock, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}
#endif
