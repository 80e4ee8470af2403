/* Synchronous signals and their siginfo: sigaction(2). */
#include "../conform.h"
#include <setjmp.h>
static sigjmp_buf jb;
static volatile int sig, code;
static void *volatile addr;
static void on(int s, siginfo_t *si, void *uc) {
    (void)uc;
    sig = s;
    code = si->si_code;
    addr = si->si_addr;
    siglongjmp(jb, 1);
}
#define FAULT(statement) (sig = code = 0, addr = NULL, sigsetjmp(jb, 1) == 0 ? ({ statement; 0; }) : 1)
static void no_handler(void) { *(volatile int *)16 = 1; }
static void blocked(void) {
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    *(volatile int *)16 = 1;
}
static void overflow(void) {
    volatile char frame[65536];
    frame[0] = 1;
    overflow();
    frame[1] = frame[0];
}
static void deep(void) { signal(SIGSEGV, SIG_DFL); overflow(); }
static void on_alt(int s) { (void)s; _exit(77); }
static void overflow_on_altstack(void) {
    static char stack[32768];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&ss, NULL);
    struct sigaction sa = {.sa_flags = SA_ONSTACK};
    sa.sa_handler = on_alt;
    sigaction(SIGSEGV, &sa, NULL);
    overflow();
}
int main(void) {
    struct sigaction sa = {.sa_flags = SA_SIGINFO};
    sa.sa_sigaction = on;
    int sigs[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (int i = 0; i < 5; i++) sigaction(sigs[i], &sa, NULL);
    CHECK(FAULT(*(volatile int *)0x10 = 1) && sig == SIGSEGV && code == SEGV_MAPERR && addr == (void *)0x10);
    char *ro = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(FAULT(ro[5] = 1) && sig == SIGSEGV && code == SEGV_ACCERR && addr == ro + 5);
    CHECK(FAULT((void)*(volatile char *)ro) == 0);
    CHECK(FAULT(ro[5] = 1) && sig == SIGSEGV && code == SEGV_ACCERR && addr == ro + 5);
    mprotect(ro, 4096, PROT_NONE);
    CHECK(FAULT((void)*(volatile char *)ro) && code == SEGV_ACCERR);
    CHECK(FAULT(((void (*)(void))(ro + 4096))()) && sig == SIGSEGV && code == SEGV_ACCERR && addr == ro + 4096);
    munmap(ro, 8192);
    CHECK(FAULT((void)*(volatile char *)ro) && code == SEGV_MAPERR && addr == ro);
    CHECK(FAULT((void)*(volatile char *)0x8000000000000000UL) && sig == SIGSEGV && code == SI_KERNEL && addr == NULL);
    CHECK(FAULT((void)*(volatile char *)0xffff800000000000UL) && sig == SIGSEGV && addr == (void *)0xffff800000000000UL);
    CHECK(FAULT(((void (*)(void))0xffffffff81000000UL)()) && sig == SIGSEGV);

    CHECK(FAULT(__asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx" ::: "eax", "ecx", "edx")) && sig == SIGFPE && code == FPE_INTDIV);
    CHECK(FAULT(__asm__ volatile("ud2")) && sig == SIGILL && code == ILL_ILLOPN);
    CHECK(FAULT(__asm__ volatile("int3")) && sig == SIGTRAP && code == SI_KERNEL);
    CHECK(FAULT(__asm__ volatile("hlt")) && sig == SIGSEGV && code == SI_KERNEL);
    CHECK(FAULT(__asm__ volatile("cli")) && sig == SIGSEGV);
    CHECK(FAULT(__asm__ volatile("int $0x77")) && sig == SIGSEGV);
    CHECK(FAULT(__asm__ volatile("out %%al, $0x80" ::: "memory")) && sig == SIGSEGV);
    CHECK(FAULT(__asm__ volatile("mov %%cr3, %%rax" ::: "rax")) && sig == SIGSEGV);
    CHECK(FAULT(__asm__ volatile("rdmsr" ::: "rax", "rdx")) && sig == SIGSEGV);
    CHECK(FAULT(__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop" ::: "memory", "cc")) && sig == SIGTRAP && code == TRAP_TRACE);
    section("beyond the end of a mapped file");
    int fd = open("f", O_CREAT | O_RDWR, 0600);
    CHECK(ftruncate(fd, 100) == 0);
    char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(m != MAP_FAILED && FAULT(m[4095] = 1) == 0);
    CHECK(FAULT((void)*(volatile char *)(m + 4096)) && sig == SIGBUS && code == BUS_ADRERR && addr == m + 4096);
    CHECK(ftruncate(fd, 0) == 0);
    CHECK(FAULT((void)*(volatile char *)m) && sig == SIGBUS);
    section("without a usable handler");
    signal(SIGSEGV, SIG_DFL);
    CHECK(child_status(no_handler) == 128 + SIGSEGV);
    sigaction(SIGSEGV, &sa, NULL);
    CHECK(child_status(blocked) == 128 + SIGSEGV);
    CHECK(child_status(deep) == 128 + SIGSEGV);
    CHECK(child_status(overflow_on_altstack) == 77);
    return finish();
}
