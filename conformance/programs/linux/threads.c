/* pthreads(7), futex(2), clone(2). */
#include "../conform.h"
#include <linux/futex.h>
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;
static int turn;
static __thread int tls = 5;
static volatile int tls_ok;
static pthread_barrier_t barrier;
static void *count_up(void *arg) {
    tls += (int)(intptr_t)arg;
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mu);
        counter++;
        pthread_mutex_unlock(&mu);
    }
    if (tls == 5 + (int)(intptr_t)arg) __sync_fetch_and_add(&tls_ok, 1);
    return (void *)(intptr_t)((intptr_t)arg * 2);
}
static void *ping(void *arg) {
    int me = (int)(intptr_t)arg;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&mu);
        while (turn != me) pthread_cond_wait(&cond, &mu);
        turn = !me;
        pthread_cond_signal(&cond);
        pthread_mutex_unlock(&mu);
    }
    return NULL;
}
static void *meet(void *arg) {
    (void)arg;
    for (int i = 0; i < 20; i++) pthread_barrier_wait(&barrier);
    return NULL;
}
static long futex(int *u, int op, int val, const struct timespec *t, int *u2, int v3) {
    return syscall(SYS_futex, u, op, val, t, u2, v3);
}
static int word, word2;
static void *waiter(void *arg) {
    (void)arg;
    return (void *)futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0);
}
static volatile int stage;
static void *exit_all(void *arg) {
    (void)arg;
    exit(21);
}
static void group_exit(void) {
    pthread_t t;
    pthread_create(&t, NULL, exit_all, NULL);
    for (;;) pause();
}
static void *segv(void *arg) {
    (void)arg;
    *(volatile int *)8 = 1;
    return NULL;
}
static void thread_fault(void) {
    pthread_t t;
    pthread_create(&t, NULL, segv, NULL);
    for (;;) sched_yield();
}
static void *late(void *arg) {
    (void)arg;
    while (!stage) sched_yield();
    usleep(20000);
    _exit(31);
}
static void leader_first(void) {
    pthread_t t;
    pthread_create(&t, NULL, late, NULL);
    stage = 1;
    pthread_exit(NULL);
}
static pthread_mutex_t robust;
static void *dies_with_lock(void *arg) {
    (void)arg;
    pthread_mutex_lock(&robust);
    return NULL;
}
int main(void) {
    pthread_t t[200];
    section("mutex and thread-local storage");
    for (intptr_t i = 0; i < 8; i++) CHECK(pthread_create(&t[i], NULL, count_up, (void *)i) == 0);
    intptr_t sum = 0;
    for (int i = 0; i < 8; i++) {
        void *r;
        pthread_join(t[i], &r);
        sum += (intptr_t)r;
    }
    CHECK(counter == 16000 && sum == 56 && tls_ok == 8 && tls == 5);
    section("condition variable");
    pthread_create(&t[0], NULL, ping, (void *)0);
    pthread_create(&t[1], NULL, ping, (void *)1);
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    CHECK(turn == 0);
    section("barrier of 10");
    pthread_barrier_init(&barrier, NULL, 10);
    for (int i = 0; i < 10; i++) pthread_create(&t[i], NULL, meet, NULL);
    int joined = 0;
    for (int i = 0; i < 10; i++) joined += pthread_join(t[i], NULL) == 0;
    CHECK(joined == 10);
    section("futex");
    struct timespec ms = {0, 1000000};
    FAILS(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
    FAILS(futex(&word, FUTEX_WAIT, 0, &ms, NULL, 0), ETIMEDOUT);
    FAILS(futex((int *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
    FAILS(futex((int *)8, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    FAILS(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS);
    struct timespec bad = {0, 2000000000};
    FAILS(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
    CHECK(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0) == 0);
    for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, waiter, NULL);
    long woken = 0;
    while (woken < 1) woken += futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0);
    CHECK(woken == 1);
    long moved = 0;
    while (moved < 2) {
        long r = futex(&word, FUTEX_CMP_REQUEUE, 0, (void *)2, &word2, 0);
        moved += r > 0 ? r : 0;
    }
    CHECK(futex(&word, FUTEX_WAKE, 10, NULL, NULL, 0) == 0);
    CHECK(futex(&word2, FUTEX_WAKE, 10, NULL, NULL, 0) == 2);
    long failed = 0;
    for (int i = 0; i < 3; i++) {
        void *r;
        pthread_join(t[i], &r);
        failed += (long)r;
    }
    CHECK(failed == 0);
    FAILS(futex(&word, FUTEX_CMP_REQUEUE, 0, (void *)2, &word2, 5), EAGAIN);
    section("futex shared between processes");
    int *sh = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    pid_t pid = fork();
    int st;
    if (pid == 0) {
        while (__atomic_load_n(sh, __ATOMIC_SEQ_CST) == 0) futex(sh, FUTEX_WAIT, 0, NULL, NULL, 0);
        _exit(8);
    }
    usleep(5000);
    __atomic_store_n(sh, 1, __ATOMIC_SEQ_CST);
    futex(sh, FUTEX_WAKE, 1, NULL, NULL, 0);
    CHECK(waitpid(pid, &st, 0) == pid && WEXITSTATUS(st) == 8);
    section("ends of a thread group");
    CHECK(child_status(group_exit) == 21);
    CHECK(child_status(thread_fault) == 128 + SIGSEGV);
    CHECK(child_status(leader_first) == 31);
    section("robust mutex");
    pthread_mutexattr_t at;
    pthread_mutexattr_init(&at);
    pthread_mutexattr_setrobust(&at, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &at);
    pthread_create(&t[0], NULL, dies_with_lock, NULL);
    pthread_join(t[0], NULL);
    CHECK(pthread_mutex_lock(&robust) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&robust) == 0 && pthread_mutex_unlock(&robust) == 0);
    section("200 threads");
    counter = 0;
    int made = 0;
    for (int i = 0; i < 200; i++) made += pthread_create(&t[i], NULL, count_up, (void *)0) == 0;
    for (int i = 0; i < 200; i++) pthread_join(t[i], NULL);
    CHECK(made == 200 && counter == 400000);
    section("ids");
    CHECK(getpid() == syscall(SYS_gettid));
    FAILS(syscall(SYS_tgkill, getpid(), 0x3ffffff, 0), ESRCH);
    FAILS(syscall(SYS_tgkill, getpid() + 100000, syscall(SYS_gettid), 0), ESRCH);
    return finish();
}
