/* x87, SSE and AVX state across system calls, signals, fork, faults and many threads. */
#include "../conform.h"
#include <immintrin.h>
static volatile int stop;
static volatile unsigned clobbered;
__attribute__((target("avx"))) static void clobber(int s) {
    (void)s;
    __asm__ volatile("vpxor %%ymm0,%%ymm0,%%ymm0; vpxor %%ymm7,%%ymm7,%%ymm7; vpxor %%ymm15,%%ymm15,%%ymm15; fninit"
                     ::: "xmm0", "xmm7", "xmm15");
    unsigned m = 0x1fc0;
    __asm__ volatile("ldmxcsr %0" ::"m"(m));
    clobbered++;
}
/* Sets registers, runs a system call in between, compares. */
__attribute__((target("avx"))) static int keeps(long nr, long a, long b, long c, uint64_t seed) {
    uint64_t in[4] = {seed, seed * 3, seed * 5, seed * 7}, o0[4], o7[4], o15[4];
    long rax = nr;
    register long r10 __asm__("r10") = 0;
    double st = 0;
    unsigned csr = 0;
    __asm__ volatile(
        "vmovdqu (%[in]), %%ymm0; vmovdqu (%[in]), %%ymm7; vmovdqu (%[in]), %%ymm15; fld1; fldpi; faddp\n"
        "syscall\n"
        "vmovdqu %%ymm0, (%[o0]); vmovdqu %%ymm7, (%[o7]); vmovdqu %%ymm15, (%[o15]); fstpl %[st]; stmxcsr %[csr]"
        : "+a"(rax), [st] "=m"(st), [csr] "=m"(csr)
        : "D"(a), "S"(b), "d"(c), "r"(r10), [in] "r"(in), [o0] "r"(o0), [o7] "r"(o7), [o15] "r"(o15)
        : "rcx", "r11", "memory", "xmm0", "xmm7", "xmm15");
    return !memcmp(in, o0, 32) && !memcmp(in, o7, 32) && !memcmp(in, o15, 32) && st > 4.14 && st < 4.15
           && (csr & 0xffc0) == 0x1f80;
}
static void *thread(void *arg) {
    long bad = 0;
    for (uint64_t i = 1; !stop || i < 200; i++) bad += !keeps(SYS_sched_yield, 0, 0, 0, i * (uint64_t)(uintptr_t)arg);
    return (void *)bad;
}
int main(void) {
    if (!__builtin_cpu_supports("avx")) {
        printf("no AVX here\n");
        return 0;
    }
    CHECK(keeps(SYS_getppid, 0, 0, 0, 0x1234567890abcdef));
    signal(SIGUSR1, clobber);
    CHECK(keeps(SYS_kill, getpid(), SIGUSR1, 0, 0xfedcba0987654321) && clobbered == 1);
    fflush(stdout);
    int st;
    pid_t p = fork();
    if (p == 0) _exit(keeps(SYS_getpid, 0, 0, 0, 99) ? 0 : 1);
    CHECK(keeps(SYS_wait4, p, (long)&st, 0, 77) && st == 0);
    section("threads");
    pthread_t t[8];
    for (uintptr_t i = 0; i < 8; i++) pthread_create(&t[i], NULL, thread, (void *)(i + 1));
    for (int i = 0; i < 200; i++) kill(getpid(), SIGUSR1);
    stop = 1;
    long bad = 0;
    for (int i = 0; i < 8; i++) {
        void *r;
        pthread_join(t[i], &r);
        bad += (long)r;
    }
    CHECK(bad == 0);
    section("general registers across a system call");
    long ok;
    __asm__ volatile(
        "mov $1, %%rbx; mov $2, %%r12; mov $3, %%r13; mov $4, %%r14; mov $5, %%r15; mov $6, %%r8; mov $7, %%r9; mov $8, %%r10\n"
        "mov $9, %%rdi; mov $10, %%rsi; mov $11, %%rdx; mov $24, %%eax; stc; syscall; setc %%al; movzbl %%al, %%eax\n"
        "add %%rbx, %%rax; add %%r12, %%rax; add %%r13, %%rax; add %%r14, %%rax; add %%r15, %%rax; add %%r8, %%rax\n"
        "add %%r9, %%rax; add %%r10, %%rax; add %%rdi, %%rax; add %%rsi, %%rax; add %%rdx, %%rax"
        : "=a"(ok)::"rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
    CHECK(ok == 67);
    return finish();
}
