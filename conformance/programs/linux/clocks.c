/* clock_gettime(2), nanosleep(2), clock_nanosleep(2), setitimer(2), alarm(2): never early. */
#include "../conform.h"
static volatile int alarms;
static void on(int s) { alarms++; (void)s; }
int main(void) {
    struct timespec ts, rem;
    struct timeval tv;
    section("clocks");
    CHECK(clock_gettime(CLOCK_MONOTONIC, &ts) == 0 && ts.tv_nsec >= 0 && ts.tv_nsec < 1000000000);
    CHECK(clock_gettime(CLOCK_REALTIME, &ts) == 0 && ts.tv_sec > 1600000000);
    CHECK(gettimeofday(&tv, NULL) == 0 && labs(tv.tv_sec - ts.tv_sec) <= 1);
    CHECK(labs(time(NULL) - ts.tv_sec) <= 1);
    FAILS(clock_gettime(99, &ts), EINVAL);
    CHECK(clock_getres(CLOCK_MONOTONIC, &ts) == 0 && ts.tv_sec == 0 && ts.tv_nsec == 1);
    CHECK(clock_gettime(CLOCK_BOOTTIME, &ts) == 0 && clock_gettime(CLOCK_MONOTONIC_RAW, &ts) == 0);
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0 && clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts) == 0);
    int64_t last = now_ns(CLOCK_MONOTONIC), back = 0;
    for (int i = 0; i < 2000; i++) {
        int64_t n = now_ns(CLOCK_MONOTONIC);
        back += n < last;
        last = n;
    }
    CHECK(back == 0);
    section("sleeping");
    int early = 0;
    for (int i = 0; i < 10; i++) {
        int64_t start = now_ns(CLOCK_MONOTONIC);
        struct timespec d = {0, 3000000};
        nanosleep(&d, NULL);
        early += now_ns(CLOCK_MONOTONIC) - start < 3000000;
    }
    CHECK(early == 0);
    struct timespec bad = {0, 1000000000}, neg = {-1, 0};
    FAILS(nanosleep(&bad, &rem), EINVAL);
    FAILS(nanosleep(&neg, &rem), EINVAL);
    FAILS(nanosleep((void *)8, &rem), EFAULT);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_nsec += 5000000;
    if (ts.tv_nsec >= 1000000000) ts.tv_sec++, ts.tv_nsec -= 1000000000;
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == 0);
    CHECK(now_ns(CLOCK_MONOTONIC) >= ts.tv_sec * 1000000000LL + ts.tv_nsec);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){1, 0}, NULL) == 0);
    CHECK(clock_nanosleep(99, 0, &(struct timespec){0, 1}, NULL) == EINVAL);
    section("timers");
    signal(SIGALRM, on);
    struct itimerval it = {{0, 5000}, {0, 5000}}, got;
    int64_t start = now_ns(CLOCK_MONOTONIC);
    CHECK(setitimer(ITIMER_REAL, &it, NULL) == 0);
    while (alarms < 3) pause();
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 15000000);
    CHECK(getitimer(ITIMER_REAL, &got) == 0 && got.it_interval.tv_usec == 5000);
    it = (struct itimerval){{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &it, &got) == 0);
    CHECK(getitimer(ITIMER_REAL, &got) == 0 && got.it_value.tv_sec == 0 && got.it_value.tv_usec == 0);
    FAILS(setitimer(9, &it, NULL), EINVAL);
    CHECK(alarm(100) == 0 && alarm(0) == 100);
    section("processor time");
    int64_t cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    volatile long x = 0;
    start = now_ns(CLOCK_MONOTONIC);
    while (now_ns(CLOCK_MONOTONIC) - start < 50000000)
        for (int i = 0; i < 100000; i++) x += i;
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) > cpu);
    struct rusage ru;
    CHECK(getrusage(RUSAGE_SELF, &ru) == 0 && ru.ru_utime.tv_sec * 1000000L + ru.ru_utime.tv_usec > 0);
    FAILS(getrusage(77, &ru), EINVAL);
    return finish();
}
